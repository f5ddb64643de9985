import { expect, test } from 'vitest'
import { clusterNewsIn, watchMembership } from '../../src/server/membership.ts'
import { TestClock } from '../support/clock.ts'

const logged = (text: string): string => `[1] 2026/11/26 20:21:11.526485 ${text}`
const started = logged('[INF] Starting JetStream cluster')
const alone = logged('[WRN] Waiting for routing to be established...')
const led = logged('[INF] JetStream cluster new metadata leader: u2/up')
const leaderless = logged('[INF] JetStream cluster no metadata leader')
const refused = logged('[ERR] 10.0.0.2:57928 - rid:14 - authentication error - User "maggy"')
const turnedAway = logged("[ERR] 10.0.0.2:15402 - rid:19 - Route Error 'Authorization Violation'")

test('the lines of nats-server that speak of the cluster are told from those that do not', () => {
  const news = (text: string) => clusterNewsIn(logged(text))
  expect(news('[INF] JetStream cluster new metadata leader: u2/up')).toEqual({ kind: 'leader', member: 'u2' })
  expect(news('[INF] Self is new JetStream cluster metadata leader')).toEqual({ kind: 'leader', member: undefined })
  expect(clusterNewsIn(leaderless)).toEqual({ kind: 'leaderless' })
  expect(clusterNewsIn(alone)).toEqual({ kind: 'alone' })
  const secret = { kind: 'refused', reason: 'secret', by: '10.0.0.2' }
  expect(clusterNewsIn(refused)).toEqual(secret)
  expect(clusterNewsIn(turnedAway)).toEqual({ kind: 'refused', reason: 'route', by: '10.0.0.2:15402' })
  expect(news('[ERR] 10.0.0.2:57942 - rid:16 - Remote server has a duplicate name: "u1"')).toEqual({
    kind: 'refused',
    reason: 'name',
    by: 'u1',
  })
  const text = 'Rejecting connection, cluster name "down" does not match "up"'
  const conflict = { kind: 'refused', reason: 'cluster', by: 'down, up' }
  expect(news(`[ERR] 10.0.0.2:57976 - rid:17 - ${text}`)).toEqual(conflict)
  expect(news(`[ERR] 10.0.0.2:15401 - rid:8 - Route Error '${text}'`)).toEqual(conflict)
  expect(news('[INF] 10.0.0.2:15401 - rid:8 - Router connection closed: Read Error - Remote: u1')).toEqual({
    kind: 'closed',
    member: 'u1',
  })
  // A client with a wrong token is no member, and a stream's leader is not the cluster's.
  expect(news('[ERR] 10.0.0.2:41822 - cid:5 - authentication error')).toBeUndefined()
  expect(news("[INF] JetStream cluster new stream leader for '$G > MAGGY_LOG'")).toBeUndefined()
})

function watched() {
  const clock = new TestClock()
  const said: string[] = []
  const member = watchMembership(
    { name: 'up', member: 'u1', routes: ['nats://h1:6222', 'nats://h2:6222'] },
    (text) => said.push(text),
    clock,
  )
  /** Says a line every second. */
  const every = (line: string, seconds: number): void => {
    for (let second = 0; second < seconds; second += 1) {
      member.hear(line)
      clock.increment(1_000)
    }
  }
  return { clock, said, member, every }
}

const kept = 'nothing is kept until most of its members run and reach each other'

test('a member that reaches no other says so within ten seconds, once, and when it is well (I1)', () => {
  const { said, member, every } = watched()
  member.hear(started)
  every(alone, 10)
  const unreached = `no other member of the cluster up is reached (--routes h1:6222, h2:6222): ${kept}`
  expect(said).toEqual([unreached])
  every(alone, 60)
  member.hear(led)
  member.hear(led)
  expect(said).toEqual([unreached, 'the cluster up has a leader now: u2'])
})

test('a cluster whose members are too few has no leader, at its start and later (I1)', () => {
  const { said, clock, member } = watched()
  clock.increment(10_000)
  expect(said).toEqual([`the cluster up has no leader yet: ${kept}`])
  member.hear(logged('[INF] Self is new JetStream cluster metadata leader'))
  member.hear(leaderless)
  clock.increment(10_000)
  expect(said.slice(1)).toEqual([
    'the cluster up has a leader now: this member',
    `the cluster up has no leader any more: ${kept}`,
  ])
})

test('a leader that is found in time, and the end of a member, are not worth a word (I1)', () => {
  const { said, clock, member, every } = watched()
  every(alone, 7)
  member.hear(led)
  clock.increment(60_000)
  for (const line of [leaderless, led, leaderless]) member.hear(line)
  member.end()
  for (const line of [led, leaderless]) member.hear(line)
  clock.increment(60_000)
  expect(said).toEqual([])
})

test('another one of the same name is known by the routes to it that end; those to others may (I2)', () => {
  const { said, member, every } = watched()
  member.hear(led)
  every(logged('[INF] 10.0.0.2:15401 - rid:8 - Router connection closed: Client Closed - Remote: u2'), 7)
  expect(said).toEqual([])
  every(logged('[INF] 10.0.0.2:15401 - rid:8 - Router connection closed: Client Closed - Remote: u1'), 5)
  expect(said[0]).toMatch(/^another server of the cluster up has the name u1, too, /)
})

test('a refusal that lasts is said once, and again only if it comes back (I2)', () => {
  const { said, clock, member, every } = watched()
  member.hear(led)
  member.hear(refused)
  clock.increment(60_000)
  member.hear(refused)
  expect(said).toEqual([])
  every(refused, 30)
  const text = 'a server at 10.0.0.2 has another secret, and they refuse each other'
  expect(said).toEqual([expect.stringContaining(text)])
  clock.increment(60_000)
  every(refused, 30)
  expect(said).toHaveLength(2)
})

test('a member whose route is refused says at which port, and that it may be one for clients', () => {
  const { said, member, every } = watched()
  member.hear(led)
  every(turnedAway, 30)
  expect(said).toEqual([
    expect.stringMatching(/^the server at 10\.0\.0\.2:15402 refuses this one: .*--routes names peer/),
  ])
})
