/**
 * Actions that could be tried on a bus, and the roles that may do each. Written by hand and not made from protocol/permissions.ts, so that
 * one can be held against the other on a real server (`maggy auth check`, `npm run attack`).
 */
import { version, type Role } from '../../protocol/index.ts'

export interface Action {
  readonly action: string
  readonly kind: 'publish' | 'subscribe'
  /** `me`: the name in the credentials of who tries. */
  readonly subject: (me: string) => string
  /** The roles that may do it. */
  readonly by: readonly Role[]
}

const v = `maggy.${version}`
const other = 'somebody-else'
const subject = (text: string) => (me: string) => text.replaceAll('<me>', me).replaceAll('<other>', other)

const publish = (action: string, text: string, ...by: Role[]): Action => ({
  action,
  kind: 'publish',
  subject: subject(text),
  by,
})
const hear = (action: string, text: string, ...by: Role[]): Action => ({
  action,
  kind: 'subscribe',
  subject: subject(text),
  by,
})

const streams = ['MAGGY_LOG', 'MAGGY_TELEMETRY', 'MAGGY_ARTIFACTS', 'OBJ_maggy-bundles', 'OBJ_maggy-checkpoints']

function readersOf(stream: string): Role[] {
  if (stream.startsWith('OBJ_')) return ['driver']
  return stream === 'MAGGY_ARTIFACTS' ? ['driver', 'client'] : ['driver', 'client', 'board']
}

export const actions: readonly Action[] = [
  // Forge: results, beats and the like in one's own name, and in another's.
  publish('tell a result of its own', `${v}.worker.<me>.done.e`, 'worker'),
  publish('tell results of its own', `${v}.worker.<me>.done-several.e`, 'worker'),
  publish("forge another's results", `${v}.worker.<other>.done-several.e`),
  publish("forge another's result", `${v}.worker.<other>.done.e`),
  publish('say that it has begun', `${v}.worker.<me>.started.e`, 'worker'),
  publish("forge another's start", `${v}.worker.<other>.started.e`),
  publish('announce itself as a worker', `${v}.worker.<me>.announce`, 'worker'),
  publish('announce another worker', `${v}.worker.<other>.announce`),
  publish('beat as a worker', `${v}.worker.<me>.beat`, 'worker'),
  publish('beat for another worker', `${v}.worker.<other>.beat`),
  publish("say another worker's goodbye", `${v}.worker.<other>.leave`),
  publish('report metrics of its own', `${v}.worker.<me>.metrics.e.0`, 'runner'),
  publish("forge another's metrics", `${v}.worker.<other>.metrics.e.0`),
  publish('print as itself', `${v}.worker.<me>.output.e.0`, 'runner', 'worker'),
  publish('print as another', `${v}.worker.<other>.output.e.0`),
  publish('beat as a runner', `${v}.worker.<me>.runner.0.beat`, 'runner'),
  publish("keep another's runner alive", `${v}.worker.<other>.runner.0.beat`),
  publish('ask whether its name is taken', `${v}.worker.<me>.namesake`, 'worker'),
  publish("say that another's name is taken", `${v}.worker.<other>.namesake`),
  publish('stop its runners', `${v}.worker.<me>.runner.0.stop`, 'worker'),
  publish("stop another's runners", `${v}.worker.<other>.runner.0.stop`),
  publish('give its runners notice', `${v}.worker.<me>.runner.0.notice`, 'worker'),
  publish("give another's runners notice", `${v}.worker.<other>.runner.0.notice`),
  publish('be a driver', `${v}.driver.<me>.beat`, 'driver'),
  publish('call the roll', `${v}.driver.<me>.rollcall`, 'driver'),
  publish('say how an experiment stands', `${v}.experiment.e.progress`, 'driver'),
  publish('be an optimizer on the list', `${v}.actor.<me>.announce`, 'optimizer', 'ablator', 'driver'),
  publish('be another one on the list', `${v}.actor.<other>.announce`, 'driver'),
  // Run code elsewhere, and stop what others run.
  publish('assign a trial', `${v}.call.worker.<other>.assign`, 'driver'),
  publish('assign itself a trial', `${v}.call.worker.<me>.assign`, 'driver'),
  publish('assign trials', `${v}.call.worker.<other>.assign-several`, 'driver'),
  publish('stop a trial', `${v}.call.worker.<other>.stop`, 'driver'),
  publish('lease a slot', `${v}.call.worker.<other>.lease`, 'driver'),
  publish('release a slot', `${v}.call.worker.<other>.release`, 'driver'),
  publish('ask whether a worker is there', `${v}.call.worker.<other>.ping`, 'driver'),
  publish('submit an experiment', `${v}.call.driver.submit`, 'client'),
  publish('pass a submission on to a driver', `${v}.call.driver.<other>.accept`, 'driver'),
  publish('hand an experiment over to a driver', `${v}.call.driver.<other>.take`, 'driver'),
  publish('resume an experiment', `${v}.call.driver.resume`, 'client'),
  publish('stop an experiment', `${v}.call.experiment.e.stop`, 'client'),
  publish('ask an optimizer', `${v}.call.optimizer.tpe.open`, 'driver'),
  publish('tell an optimizer of results', `${v}.call.optimizer.tpe.<other>.observe`, 'driver'),
  publish('ask an ablator', `${v}.call.ablator.loco.open`, 'driver'),
  publish('ask a pruner', `${v}.call.pruner.mine.judge`, 'driver'),
  // Impersonate: hear what others are asked.
  hear('hear its own assignments', `maggy.*.call.worker.<me>.assign`, 'worker'),
  hear("hear another's assignments", `maggy.*.call.worker.<other>.assign`),
  hear('hear all assignments', `maggy.*.call.worker.*.assign`),
  hear('hear its own stops', `maggy.*.call.worker.<me>.stop`, 'worker'),
  hear("hear another's stops", `maggy.*.call.worker.<other>.stop`),
  hear('take submissions', `maggy.*.call.driver.submit`, 'driver'),
  hear('answer as the optimizer that it is for', `maggy.*.call.optimizer.<me>.open`, 'optimizer'),
  hear('answer as an optimizer that it is not for', `maggy.*.call.optimizer.<other>.open`),
  hear('answer as a built-in optimizer that it is not for', `maggy.*.call.optimizer.tpe.open`),
  hear('answer as all optimizers', `maggy.*.call.optimizer.*.open`),
  hear('answer its own questions', `maggy.*.call.optimizer.<me>.<me>.suggest`, 'optimizer'),
  hear('answer as another instance', `maggy.*.call.optimizer.<me>.<other>.suggest`),
  hear('hear what another optimizer is told', `maggy.*.call.optimizer.<other>.<me>.observe`),
  hear('answer as the ablator that it is for', `maggy.*.call.ablator.<me>.open`, 'ablator'),
  hear('answer as an ablator that it is not for', `maggy.*.call.ablator.loco.open`),
  hear('answer as another instance of an ablator', `maggy.*.call.ablator.<me>.<other>.suggest`),
  hear('judge as the pruner that it is for', `maggy.*.call.pruner.<me>.judge`, 'optimizer'),
  hear('judge as a pruner that it is not for', `maggy.*.call.pruner.<other>.judge`),
  hear('hear results', `maggy.*.worker.*.done.e`, 'driver'),
  hear('hear that a trial has begun', `maggy.*.worker.*.started.e`, 'driver'),
  hear('hear metrics', `maggy.*.worker.*.metrics.e.*`, 'driver', 'client', 'board'),
  hear('hear output', `maggy.*.worker.*.output.e.*`, 'client', 'board'),
  hear('hear drivers beat', `maggy.*.driver.*.beat`, 'worker', 'driver', 'client', 'board'),
  hear('hear the roll called', `maggy.*.driver.*.rollcall`, 'worker'),
  hear('hear its runners beat', `maggy.*.worker.<me>.runner.*.beat`, 'worker'),
  hear('hear what stops it', `maggy.*.worker.<me>.runner.*.stop`, 'runner'),
  hear("hear what stops another's runners", `maggy.*.worker.<other>.runner.*.stop`),
  hear('hear its notice', `maggy.*.worker.<me>.runner.*.notice`, 'runner'),
  hear('hear whether its name is taken', `maggy.*.worker.<me>.namesake`, 'worker'),
  hear("hear whether another's name is taken", `maggy.*.worker.<other>.namesake`),
  hear("hear another's notice", `maggy.*.worker.<other>.runner.0.notice`),
  hear("hear another's runners beat", `maggy.*.worker.<other>.runner.*.beat`),
  hear('hear everything', '>'),
  hear('hear everything of maggy', 'maggy.>'),
  // Inboxes.
  hear(
    'hear its own answers',
    '_INBOX.<role>.<me>.>',
    'driver',
    'worker',
    'runner',
    'client',
    'optimizer',
    'ablator',
    'board',
  ),
  hear("hear another's answers", '_INBOX.<role>.<other>.>'),
  hear("hear a driver's answers", '_INBOX.driver.<other>.>'),
  hear('hear all answers', '_INBOX.>'),
  publish('answer a driver as itself', '_INBOX.driver.d.<role>.<me>.x.y', 'worker', 'runner', 'optimizer', 'ablator'),
  publish('answer a driver as another worker', '_INBOX.driver.d.worker.<other>.x.y'),
  publish('answer a driver as any optimizer', '_INBOX.driver.d.optimizer.any.x.y', 'optimizer'),
  publish('answer in the place of any worker', '_INBOX.driver.d.worker.any.x.y'),
  publish('answer in the place of any runner', '_INBOX.runner.<other>.runner.any.x.y'),
  publish('answer a runner as itself', '_INBOX.runner.<other>.runner.<me>.x.y', 'runner'),
  publish('answer a runner as another', '_INBOX.runner.<me>.runner.<other>.x.y'),
  publish('answer a client as a driver', '_INBOX.client.c.driver.any.x.y', 'driver'),
  publish('answer a worker as a driver', '_INBOX.worker.<other>.driver.any.x.y', 'driver'),
  publish('answer in the place of the server', '_INBOX.driver.d.server.any.x.y'),
  // Rings.
  publish('send a chunk as itself', `${v}.worker.<me>.ring.r.to.<other>.1.0.chunk`, 'runner'),
  publish('send a chunk as another', `${v}.worker.<other>.ring.r.to.<me>.1.0.chunk`),
  publish('tell a shard as another', `${v}.worker.<other>.ring.r.1.shard`),
  publish('ask for a shard as another', `${v}.worker.<other>.ring.r.to.<other>.1.0.fetch`),
  publish('recall a ring as another', `${v}.worker.<other>.ring.r.to.<other>.recall`),
  publish('join a ring as another', `${v}.worker.<other>.ring.r.join`),
  publish('put another out of a ring', `${v}.worker.<other>.ring.r.leave`),
  publish('form a ring', `${v}.call.worker.<other>.ring.r.0.form`, 'driver'),
  hear('hear its own chunks', `maggy.*.worker.*.ring.r.to.<me>.*.*.chunk`, 'runner'),
  hear("hear another's chunks", `maggy.*.worker.*.ring.r.to.<other>.*.*.chunk`),
  hear('hear all chunks', `maggy.*.worker.*.ring.*.to.*.*.*.chunk`),
  hear('answer for the shards of another', `maggy.*.worker.*.ring.r.to.<other>.*.*.fetch`),
  hear('tell newcomers in the place of another', `maggy.*.worker.*.ring.r.to.<other>.recall`),
  hear('answer probes of another', `maggy.*.worker.*.ring.r.to.<other>.*.*.probe`),
  hear("take another's place in a ring", `maggy.*.call.worker.<other>.ring.r.0.form`),
  // The log, telemetry and the store.
  publish('write to the log', `${v}.log.e`, 'driver'),
  hear('hear the log', `maggy.*.log.e`, 'client', 'board'),
  publish('save a checkpoint of its own', `${v}.worker.<me>.checkpoint.e.write`, 'runner'),
  publish('save a checkpoint as another', `${v}.worker.<other>.checkpoint.e.write`),
  publish("overwrite a checkpoint's name", '$O.maggy-checkpoints.M.ZS8w', 'driver'),
  publish("overwrite a checkpoint's bytes", '$O.maggy-checkpoints.C.x', 'driver'),
  publish('save an artifact of its own', `${v}.worker.<me>.artifact.e.write`, 'runner'),
  publish('save an artifact as another', `${v}.worker.<other>.artifact.e.write`),
  publish("write an artifact's bytes", `${v}.artifact.e.0.1.u`, 'driver'),
  hear('take what artifacts others save', `maggy.*.worker.*.artifact.e.write`, 'driver'),
  hear('hear artifacts as they are kept', `maggy.*.artifact.e.0.1.u`, 'client'),
  // Roles that keep experiments, and roles that remove them.
  publish('give an experiment a note', `${v}.call.experiment.e.annotate`, 'client'),
  publish('give one that has ended a note', `${v}.call.driver.annotate`, 'client'),
  publish('have an experiment removed', `${v}.call.driver.remove`, 'client'),
  publish('read the source of an experiment', `${v}.call.driver.source`, 'client'),
  hear('hear what is to be removed', `maggy.*.call.driver.remove`, 'driver'),
  publish('write code into the store', '$O.maggy-bundles.M.x', 'driver', 'client'),
  publish('read code by way of a driver', `${v}.worker.<me>.bundle.x`, 'worker'),
  // JetStream's API.
  ...streams.flatMap((name): Action[] => {
    const readers: Role[] = readersOf(name)
    return [
      publish(`read ${name}`, `$JS.API.DIRECT.GET.${name}`, ...readers),
      publish(`read ${name} by a subject`, `$JS.API.DIRECT.GET.${name}.maggy.x`),
      publish(`read an entry of ${name}`, `$JS.API.STREAM.MSG.GET.${name}`, ...readers),
      publish(`make ${name}`, `$JS.API.STREAM.CREATE.${name}`, 'driver'),
      publish(`change ${name}`, `$JS.API.STREAM.UPDATE.${name}`, 'driver'),
      publish(`purge ${name}`, `$JS.API.STREAM.PURGE.${name}`, 'driver'),
      publish(`delete ${name}`, `$JS.API.STREAM.DELETE.${name}`),
      publish(`delete an entry of ${name}`, `$JS.API.STREAM.MSG.DELETE.${name}`),
      publish(`take ${name} away`, `$JS.API.STREAM.SNAPSHOT.${name}`),
      publish(`make a consumer of ${name}`, `$JS.API.CONSUMER.CREATE.${name}.c`),
      publish(`make a durable consumer of ${name}`, `$JS.API.CONSUMER.DURABLE.CREATE.${name}.c`),
      publish(`delete a consumer of ${name}`, `$JS.API.CONSUMER.DELETE.${name}.c`),
    ]
  }),
  publish('make a stream of its own', '$JS.API.STREAM.CREATE.MINE'),
  publish('list streams', '$JS.API.STREAM.LIST'),
  publish("ask for the account's use", '$JS.API.INFO'),
  publish('restore a stream', '$JS.API.STREAM.RESTORE.MAGGY_LOG'),
  // The server itself.
  publish('change accounts', '$SYS.REQ.CLAIMS.UPDATE'),
  publish('ask the server about itself', '$SYS.REQ.SERVER.PING'),
  hear("hear the server's events", '$SYS.>'),
  publish('flood a subject of nobody', 'anything'),
  publish('flood another version', 'maggy.v2.worker.<me>.beat'),
]

/** The subject, as somebody of this role and name would try it. */
export const subjectOf = (action: Action, role: Role, me: string): string =>
  action.subject(me).replaceAll('<role>', role)
