/**
 * What a member of a cluster tells people of it, read from nats-server's log, which is the one place where it says so.
 * I1 A cluster without a leader is said within `patienceMs` of the start, or of the line that says so; its leader then, too. One that is
 *    found within that time is not worth a word.
 * I2 A server that is refused, or that refuses this one, dials again every second: each reason is said once, and only when it lasts.
 */
import type { Clock } from '../actor/index.ts'
import { visible } from '../words/index.ts'
import type { ClusterConfiguration } from './configuration.ts'

/** 'route': by a server that this one dialled. */
type Refusal = 'secret' | 'route' | 'name' | 'cluster'

export type ClusterNews =
  | { readonly kind: 'leader'; readonly member: string | undefined }
  | { readonly kind: 'leaderless' }
  /** No other member is reached. It is said again every two seconds. */
  | { readonly kind: 'alone' }
  | { readonly kind: 'refused'; readonly reason: Refusal; readonly by: string }
  /** The route to that member is gone. */
  | { readonly kind: 'closed'; readonly member: string }

const lines: readonly (readonly [RegExp, (...found: string[]) => ClusterNews])[] = [
  [/ Self is new JetStream cluster metadata leader$/, () => ({ kind: 'leader', member: undefined })],
  [/ JetStream cluster new metadata leader: ([^/]+)\//, (member) => ({ kind: 'leader', member })],
  // The first line of one that was started again.
  [/ (?:JetStream cluster no metadata leader|Starting JetStream cluster)$/, () => ({ kind: 'leaderless' })],
  [/ Waiting for routing to be established/, () => ({ kind: 'alone' })],
  [
    / (\S+) - rid:\d+ - (?:authentication error|TLS route handshake error)/,
    (by = '') => ({ kind: 'refused', reason: 'secret', by: hostOf(by) }),
  ],
  [/ (\S+) - rid:\d+ - Route Error 'Authorization/, (by = '') => ({ kind: 'refused', reason: 'route', by })],
  [/ rid:\d+ - Router connection closed: .+ - Remote: (\S+)$/, (member = '') => ({ kind: 'closed', member })],
  [/ rid:\d+ - Remote server has a duplicate name: "(.+)"$/, (by = '') => ({ kind: 'refused', reason: 'name', by })],
  [
    / rid:\d+ - .*cluster name "(.+)" does not match "(.+)"/,
    (...names) => ({ kind: 'refused', reason: 'cluster', by: names.join(', ') }),
  ],
]

/** undefined: the line says nothing of the cluster. */
export function clusterNewsIn(line: string): ClusterNews | undefined {
  for (const [pattern, newsOf] of lines) {
    const found = pattern.exec(line)
    if (found !== null) return newsOf(...found.slice(1))
  }
  return undefined
}

/** The port of whoever dials is of no use to anybody. */
const hostOf = (address: string): string => address.replace(/:\d+$/, '')

const patienceMs = 8_000
/** Two of the lines that are said every two seconds, and a little. */
const aloneMs = 5_000
const lastingMs = 3_000
/** After so long without one, refusals for the same reason are others. */
const spellMs = 10_000

type Standing =
  | { readonly kind: 'led' }
  /** `timer`: when it is said. */
  | { readonly kind: 'waiting'; readonly timer: unknown }
  | { readonly kind: 'said' }
  | { readonly kind: 'ended' }

export interface Membership {
  hear(line: string): void
  end(): void
}

/** Begins with a member that is being started. */
export function watchMembership(
  { name, member: own, routes }: Pick<ClusterConfiguration, 'name' | 'member' | 'routes'>,
  onNotice: (text: string) => void,
  clock: Clock,
): Membership {
  const refusals = new Map<Refusal, { readonly since: number; readonly last: number; readonly isSaid: boolean }>()
  let aloneAt = -Infinity
  let wasLed = false

  const wait = (): Standing => ({ kind: 'waiting', timer: clock.setTimeout(sayLeaderless, patienceMs) })
  let standing: Standing = wait()

  function sayLeaderless(): void {
    standing = { kind: 'said' }
    const isAlone = clock.elapsed() - aloneAt < aloneMs
    const others = routes.map((route) => route.replace(/^.*\/\//, '')).join(', ')
    const what = isAlone
      ? `no other member of the cluster ${name} is reached (--routes ${others})`
      : `the cluster ${name} has no leader${wasLed ? ' any more' : ' yet'}`
    onNotice(`${what}: nothing is kept until most of its members run and reach each other`)
  }

  function lead(member: string | undefined): void {
    if (standing.kind === 'ended') return
    if (standing.kind === 'waiting') clock.clearTimeout(standing.timer)
    else if (standing.kind === 'said') onNotice(`the cluster ${name} has a leader now: ${member ?? 'this member'}`)
    standing = { kind: 'led' }
    wasLed = true
  }

  /** I2 */
  function refuse(reason: Refusal, by: string): void {
    const now = clock.elapsed()
    const known = refusals.get(reason)
    const { since, isSaid } = known !== undefined && now - known.last < spellMs ? known : { since: now, isSaid: false }
    const isDue = !isSaid && now - since >= lastingMs
    refusals.set(reason, { since, last: now, isSaid: isSaid || isDue })
    if (isDue) onNotice(refusalText(reason, visible(by), name))
  }

  return {
    hear(line) {
      const news = clusterNewsIn(line)
      if (news?.kind === 'alone') aloneAt = clock.elapsed()
      else if (news?.kind === 'leader') lead(news.member)
      else if (news?.kind === 'refused') refuse(news.reason, news.by)
      // Whoever has the same name says why it hangs up in its own log alone.
      else if (news?.kind === 'closed' && news.member === own) refuse('name', own)
      else if (news?.kind === 'leaderless' && standing.kind === 'led') standing = wait()
    },
    end() {
      if (standing.kind === 'waiting') clock.clearTimeout(standing.timer)
      standing = { kind: 'ended' }
    },
  }
}

function refusalText(reason: Refusal, by: string, cluster: string): string {
  if (reason === 'name')
    return `another server of the cluster ${cluster} has the name ${by}, too, and they refuse each other: give each a --name of its own`
  if (reason === 'cluster')
    return `a server of another cluster is among the peers (${by}), and they refuse each other: give all the same --cluster`
  const same = 'give all members the same --token-file, or --auth with the same folder'
  // Both say the same to whoever dials.
  if (reason === 'route')
    return `the server at ${by} refuses this one: it has another secret (${same}), or that is its port for clients (--routes names peer ports)`
  return `a server at ${by} has another secret, and they refuse each other: ${same}`
}
