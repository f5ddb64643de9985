/** Runners without processes: the tests speak for them. */
import type { FromRunner, ToRunner } from '../../actors/worker/runner-messages.ts'
import type { RunnerHears, SpawnRunner } from '../../actors/worker/runner-process.ts'

export interface FakeRunner {
  readonly runner: number
  readonly heard: ToRunner[]
  killed: boolean
  says(message: FromRunner): void
  exits(reason: string): void
  prints(text: string): void
}

export function fakeSpawn(): { spawn: SpawnRunner; runners: FakeRunner[] } {
  const runners: FakeRunner[] = []
  const spawn = (number: number, hears: RunnerHears) => {
    const runner: FakeRunner = {
      runner: number,
      heard: [],
      killed: false,
      says: (message) => hears.message(message),
      exits: (reason) => hears.exit(reason),
      prints: (text) => hears.output('stderr', text),
    }
    runners.push(runner)
    return {
      pid: 1000 + runners.length,
      send: (message: ToRunner) => void runner.heard.push(message),
      kill: () => {
        runner.killed = true
      },
    }
  }
  return { spawn, runners }
}
