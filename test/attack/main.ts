/** `npm run attack`: a real server under a generated authority, every role with every action, and every attack. Prints what came of it. */
import { checkServer, mainTenant } from '../../src/auth/index.ts'
import { attacks } from '../support/attacks.ts'
import { startSecured } from '../support/secured.ts'

const say = (text: string): void => void process.stdout.write(`${text}\n`)

const secured = await startSecured()
let wrong = 0
try {
  const driver = await secured.connect('driver', 'd')
  await driver.streams.ensure()
  const findings = await checkServer(secured.authority, mainTenant, { server: secured.server.url })
  const byAction = new Map<string, typeof findings>()
  for (const finding of findings) byAction.set(finding.action, [...(byAction.get(finding.action) ?? []), finding])
  const roles = [...new Set(findings.map(({ role }) => role))]
  say(`${'action'.padEnd(44)}${roles.map((role) => role.padEnd(10)).join('')}`)
  for (const [action, cells] of byAction) {
    const shown = cells.map(
      ({ isAllowed, mayBe }) => `${isAllowed ? 'yes' : '-'}${isAllowed === mayBe ? '' : ' WRONG'}`,
    )
    say(`${action.padEnd(44)}${shown.map((cell) => cell.padEnd(10)).join('')}`)
  }
  wrong += findings.filter(({ isAllowed, mayBe }) => isAllowed !== mayBe).length
  say(`\n${byAction.size} actions, ${findings.length} cells, ${wrong} not as they should be\n`)
  for (const { name, run } of attacks) {
    const came = await run(secured)
    if (came) wrong += 1
    say(`${came ? 'CAME THROUGH' : 'refused     '}  ${name}`)
  }
} finally {
  await secured.stop()
}
say(
  `\n${attacks.length} attacks; ${wrong === 0 ? 'everything is refused that should be' : `${wrong} things are wrong`}`,
)
process.exit(wrong === 0 ? 0 : 1)
