/**
 * What every field of every message means, by its name: one word means one thing. Where it means something of its own in one place, the
 * key says where: `optimizer.suggest.trial` for a field of a message, `fidelity.from` for one within another field. Units, when a field is
 * there, and what null means, are said here; the reference and the JSON Schemas carry it, and a test holds that no field lacks it.
 */
const told: Readonly<Record<string, string>> = {
  // Who and what
  experiment: 'The experiment’s identity; its client made it up.',
  trial: 'The number of a trial within its experiment, from 0; trial i is what suggestion i became.',
  attempt: 'Which try at the trial, from 1. In an assignment and a slot: experiment, trial and try together.',
  worker: 'A worker’s identity.',
  driver: 'A driver’s identity. null: no driver holds it.',
  slot: 'One of a worker’s places for an attempt, from 0.',
  slots: 'A worker’s slots: how many there are, or the state of each.',
  instance: 'The process that answered: suggest and observe are asked of it alone, by this name in their subjects.',
  name: 'The name that it is known by.',
  'worker.namesake.instance': 'Which of the processes of one name speaks; of two that ask, the smaller one stays.',
  'worker.namesake.there': 'false: it has just started, and asks; true: it was there before whoever asked.',
  'experiment.submit.name': 'The experiment’s name in its definition; workers name it among their `experiments`.',
  'serves.name': 'The name that experiments know it by.',
  'artifact.write.name': 'The artifact’s name within its trial: letters, digits, . _ and -, and no dot first.',
  'events.name': 'The artifact’s name within its trial.',
  host: 'The host’s name, for people.',
  user: 'The name of who submitted it, on that host. Left out: not known.',
  pid: 'The process’s number on its host.',
  language: 'The language that it is written in, as people write it: TypeScript, Python, Go.',
  versions: 'Versions by name, for people: of maggy or its kit, of the language, of libraries.',
  role: 'What kind of actor it is.',
  serves: 'The names that it answers to; empty for a driver.',
  load: 'How busy it is.',
  'load.experiments': 'Experiments that it keeps in mind; of a driver: that it owns.',
  questions: 'Questions that it has not answered yet.',
  experiments:
    'Experiments, by their names, whose trials the worker runs by code of its own. Left out: none. One that runs bundles (`can`) needs to name none.',
  'driver.beat.experiments':
    'The identities of the experiments that this driver owns; others leave them alone as long as it beats.',
  can: 'What the worker heeds of an assignment beside hparams; it is never asked for more. Left out: none of it.',
  labels:
    'Names and values that people give to workers. In a policy: only workers that carry all of these; empty: any.',
  backend: 'What computes, for people: tensorflow, python.',
  cores: 'Processor cores that the worker has for all of its slots.',
  memoryBytes: 'Memory that the worker has for all of its slots, in bytes.',
  info: 'What the worker is.',
  status: 'What its slots hold now.',
  'worker.announce.status': 'What its slots hold now. A slot that is not named is not offered, or not yet.',
  'runner.beat.kept':
    'After a notice: what there was to keep of the attempt is kept, and it waits to be handed back. Left out: not yet, or nobody asked.',
  draining: 'It takes nothing new, and goes when what it runs has ended.',
  unacknowledged:
    'Attempts that have ended and whose results no driver has acknowledged yet, the oldest 1,024; the worker says them again.',
  running: 'The attempt that runs in the slot; null: none.',
  'experiment.progress.running': 'The attempts that run now, at most 256 of them.',
  'counts.running': 'Trials that a worker holds.',
  next: 'The attempt that waits behind the one that runs; null: none.',

  // Times
  at: 'When it happened, by the wall clock of whoever says it, in milliseconds since 1970. Of a layer: its place among the layers.',
  startedAt:
    'When it began, in milliseconds since 1970. null: it never began. Of a process: another value under the same identity means another process.',
  endedAt: 'When it ended, in milliseconds since 1970.',
  sinceMs: 'For how long, in milliseconds.',
  afterMs: 'Milliseconds since the experiment was accepted, or resumed.',
  trialTimeoutMs:
    'Milliseconds that an attempt may run, from its beginning; then it fails with TRIAL_TIMEOUT. null: as long as it takes.',
  graceMs: 'Milliseconds that an attempt has to end by itself after a stop; what has not ended then is killed.',
  waitMs: 'Milliseconds that a ring waits for `max` members before it begins with `min`. null: as long as it takes.',
  'ring.progress.waitMs': 'Milliseconds of a step that were spent waiting for the ring.',

  // The experiment
  context: 'What is to be done, told apart by its `kind`.',
  contextName: 'The context’s name in the definition, for people.',
  kind: 'Tells apart what can stand here.',
  bundle:
    'The code, in the object store’s bucket `maggy-bundles` under its sha256: what maggy’s bundler makes, or one plain ES module that imports nothing but maggy, tfjs and what Node brings. Left out: the experiment has no code on the bus, and its trials go to workers that name it in `experiments`.',
  sha256: 'The sha256 of the bytes, in lower-case hex.',
  bytes: 'How many bytes there are.',
  module: 'The module’s file name, for messages; its ending says whether it is TypeScript.',
  optimizer: 'Who suggests: the name that an optimizer answers to on the bus, and options for it.',
  ablator: 'Who decides what is left out: the name that an ablator answers to on the bus, and options for it.',
  pruner:
    'Who stops hopeless trials: a built-in by its name, or one that is served on the bus: `{ name, options: { served: true } }`. null: nobody.',
  'events.pruner': 'What the note says of the pruner: it does not judge from now on, or it judges again.',
  'events.code': 'The code of the error that a pruner failed with.',
  options:
    'As the user wrote them beside the name; whoever is named checks them, and refuses with …_UNFIT and their path.',
  'pruner.judge.options': 'As the user wrote them beside the name, `served` among them.',
  'serves.options': 'The options that experiments may give, as a JSON Schema of type object. Left out: not known.',
  space:
    'The search space: a parameter for each name. Suggested hparams have a value for every active parameter, constants included, and for no other.',
  trials: 'How many trials there will be at most.',
  stop: 'When it is over before all trials have run; then trials under way are cancelled, and it ends as done.',
  target: 'A value of the first objective that is good enough.',
  withoutImprovement: 'So many trials in a row, done or pruned, that were no better than the best before them.',
  objectives:
    'What is optimized, the most important first; in an assignment the names of metrics that must be returned.',
  limits:
    'What numbers that the training function returns must keep, of the first objective: a trial that breaks one has no value of it, so it is never the best.',
  'limits.atLeast': 'The smallest that the number may be. Left out: no bound.',
  'limits.atMost': 'The largest that the number may be. Left out: no bound.',
  metric: 'The name of a number that the training function returns.',
  direction: 'Whether less or more of it is better.',
  hparams: 'Hyperparameters by name.',
  'context.hparams': 'Given to every trial beside what is suggested.',
  'optimizer.suggest.hparams':
    'As many as were asked for, or fewer: then `waiting` or `exhausted` says why. The i-th belongs to trial `trial + i`.',
  'trial.assign.hparams':
    'All that the training function gets: the context’s, the suggested ones, and `budget` under a scheduler.',
  seed: 'Where randomness comes from: a whole number. With it and the history, suggestions can be repeated.',
  'trial.assign.seed':
    'Of this trial: follows from the experiment’s seed and the trial’s number, never from the clock.',
  enqueue:
    'What the user fixed of trials: entry i belongs to trial i, null where nothing is fixed. The optimizer suggests what an entry leaves open; whatever it says of fixed values, those stand.',
  'change.enqueue': 'Tried next, in this order, each in a trial that comes on top of those that were asked for.',
  'experiment.change.enqueue':
    'Tried next, in this order, each in a trial that comes on top of those that were asked for.',
  'experiment.change.trials': 'How many trials there are to be, in all or so many more than there are.',
  'change.failed': 'Trials that have failed are open again: they get new attempts. Left out: no.',
  'experiment.change.failed': 'Trials that have failed are open again: they get new attempts. Left out: no.',
  change: 'What is changed; what is left out stays as it is.',
  id: 'The client makes it up: a request that is made twice has its effect once.',
  more: 'So many more than there are.',
  resume: 'It also goes on, if it is paused. Left out: no.',
  now: 'What runs is handed back too, at no cost: it goes on from its checkpoints later. Left out: no.',
  with: 'The repeat of the same configuration that was pruned, and this one with it. Left out: its own pruner judged it.',
  errors:
    'Where each configuration is tried several times: the standard errors of `metrics`, which are means then. Left out: it was tried once.',
  retry: 'A train that throws is tried again. Left out: what throws has failed.',
  on: 'What is tried again: a train that throws.',
  'retry.times': 'So many throws of a trial at most.',
  resources: 'What a trial needs of a worker, for each of its slots. Left out: nothing.',
  'resources.memoryBytes': 'Bytes of memory. Left out: any.',
  'resources.cores': 'Processor cores. Left out: any.',
  gpus: 'How many GPUs; a worker’s are shared by its slots. Left out: none.',
  outOfMemory:
    'Where a trial has run out of memory and no worker has more: it waits for one, or is tried again on any. Left out: retry.',
  'events.memoryBytes': 'The attempt ran out of memory: so many bytes its slot had.',
  'events.repeats':
    'It is the first of so many trials of this configuration, numbered one after the other. Left out: it is the only one.',
  'context.repeats':
    'How many trials each configuration is tried in (optimization, left out: one), or the base and each component (ablation).',
  'terms.repeats': 'How many trials each configuration is tried in. Left out: one.',
  warmStart: 'Trials of earlier experiments. The optimizer hears of them in `history`, done, numbered from 2^40 on.',
  shadow:
    'Other optimizers, with their options, that are asked the same questions on the side. What they propose is kept in the log (`shadow.proposed`) and not tried. Left out: none.',
  notes: 'Sentences for people; shown by `maggy show`. They change nothing.',
  policy: 'How trials are tried.',
  parallel: 'The most trials that run at once. null, or left out: as many as there are slots.',
  spreadMs:
    'Each worker answers at a moment of its own within this time, so that thousands do not answer at once. Left out: at once.',
  'info.ahead': 'So many attempts may wait in each slot behind the one that runs. Left out: one.',
  behind: 'What waits behind the next one, in order. Left out: nothing.',
  ifWaiting: 'Only if it waits behind another attempt: what has begun goes on.',
  taken: 'Whether it has the experiment now.',
  priority: 'Of experiments that could use a slot, those with the highest come first; what runs goes on. Left out: 0.',
  share: 'Experiments of one priority hold slots in proportion to it. Left out: 1.',
  by: 'The driver that speaks.',
  claims: 'All that it claims now; empty: nothing any more.',
  'claims.slots': 'It could use so many slots beside those that it has.',
  'claims.workers': 'On these workers, those first whose slots the other driver holds.',
  together: 'They are of use only all together, to a ring.',
  holds: 'Slots in which its trials run.',
  usedMs: 'Time of slots that it has used.',
  maxAttempts: 'Tries at one trial when workers or runners are lost under it.',
  maxFailed: 'So many failed trials, and the experiment is given up. null: never.',
  force: 'Go on although the log has a hole. Left out: no.',
  mode: 'finish: running trials end by themselves; cancel: they are stopped now.',
  state: 'The state that it is in.',
  'history.state':
    'pending: suggested, not ended. done: it returned its metrics. pruned: stopped early. failed: it has no result. cancelled: stopped with the experiment. In a pruner’s history, running stands for pending.',
  counts: 'How many trials are in which state.',
  queued: 'Trials that wait for a slot.',
  done: 'Trials that returned their metrics.',
  pruned: 'Trials that were stopped early.',
  failed: 'Trials without a result.',
  cancelled: 'Trials that were stopped with the experiment.',
  best: 'The best trial so far by the first objective; null: none is done.',
  workers: 'How many workers: that the driver knows, or that a ring has.',
  'ring.workers': 'It begins with `max` members (after `waitMs` with `min`), and goes on as long as there are `min`.',
  waiting:
    'Nothing more before a trial that is pending has ended: the driver asks again once a result has come. To wait while nothing is pending is a fault. Left out: no.',
  'experiment.progress.waiting': 'Why nothing goes on, as an error code, if nothing does; null: it goes on.',

  // The search space
  type: 'Tells apart what can stand here. Of a parameter: double (any number), integer, discrete (one of a list of numbers, in order), categorical (one of a list of choices, without order), constant.',
  low: 'The smallest value, inclusive.',
  high: 'The largest value, inclusive.',
  log: 'Equal chances for equal factors instead of equal differences; low is above 0. Left out: no.',
  step: 'The last step that was reported, from 0; null: none.',
  'space.step':
    'Only low, low + step, low + 2 step, … up to high are values, each as the nearest short decimal; what is as near to one as rounding leaves it counts as it. Left out: any number.',
  values: 'Numbers by name, at one step; null stands for one that was not finite.',
  'space.values': 'The numbers, in an order that means something.',
  choices: 'The choices. 1, true, "1" and null are four different ones.',
  value: 'The only value.',
  when: 'The parameter is active only where another one is active and has one of these values; elsewhere hparams must leave it out. Left out: always active.',
  parameter: 'The name of the other parameter.',
  in: 'The values under which it is active.',
  where:
    'What must hold between numbers; a constraint of which some parameter is not active holds. Suggestions that break one are a fault.',
  sum: 'Factors by the names of parameters: the sum of the parameters times their factors.',
  product: 'Exponents by the names of parameters: the product of the parameters to the power of their exponents.',
  atLeast: 'The smallest that it may come to, but for rounding: 1e-12 of the largest term. Left out: no bound.',
  atMost: 'The largest that it may come to, but for rounding: 1e-12 of the largest term. Left out: no bound.',

  // Suggesting
  history:
    'The trials that are known so far, in no order that counts, pending and earlier ones (from 2^40 on) among them. What does not fit one message (a quarter of the server’s max_payload, 2 MB with the shipped configuration) follows by `observe` before the first question. A pruner gets the 256 other trials that became known last.',
  adaptive: 'Whether suggestions depend on results. false: it is told of none, and asked for up to 16 ahead of time.',
  count: 'How many to suggest, from `trial` on; never more are given.',
  'optimizer.suggest.trial':
    'The number of the first trial to suggest. Asked again (an answer was lost), the same trial gets the same suggestion.',
  'ablator.suggest.trial':
    'The number of the first trial to suggest. Asked again (an answer was lost), the same trial gets the same suggestion.',
  exhausted: 'Nothing more to suggest, ever: the experiment ends when what runs has ended.',
  fidelities: 'How far each of the trials goes, in the order of hparams. Left out by optimizers that know no budgets.',
  fidelity: 'How far the trial goes; left out where the optimizer knows no budgets.',
  budget:
    'How far it goes, in the user’s own unit, counted from the very beginning; reaches the training function as hparams.budget.',
  'fidelity.from': 'The trial whose checkpoint it continues, one that was suggested before; null: it begins afresh.',
  'fidelities.from': 'The trial whose checkpoint it continues, one that was suggested before; null: it begins afresh.',
  group:
    'What it belongs to beside its budget: the bracket of Hyperband, the member of a population. Left out: to nothing.',
  observations:
    'What trials came to. Each may be told again, and out of order: what was told last of a trial counts. A trial that was never suggested here is taken in all the same (enqueued, or suggested by another process). Empty: only a knock, to find out whether the process lives.',
  closed: 'The experiment is over and may be forgotten. It comes at the end, and may never come.',
  metrics:
    'Numbers by name; null stands for one that was not finite, so that it counts as missing. Of a pruned trial the last that it reported; of a pending or failed one none.',
  verdict: 'Whether the trial goes on.',
  'pruner.judge.trial': 'The trial that is judged.',
  points: 'Reports, in the order of steps: a pruner gets at most 64 of a trial, evenly chosen, the last among them.',
  'trial.done.points': 'How many points the attempt reported: so many lie in the telemetry stream.',
  'trial.recorded.points': 'How many points of the attempt lie in the telemetry stream.',
  'events.points': 'How many points the attempt reported.',

  // Ablation
  components: 'What can be left out, by name; in an assignment: what this trial does without. Empty: the base.',
  removals: 'As many as were asked for, or fewer: then there are no more (`exhausted`), or results must come in first.',
  without: 'Names of components, each once; empty: the base.',
  repeat: 'Which of the repeats, from 0; trials of one repeat share their seed.',
  repeats: 'Trials of the base and of each component.',
  impossible:
    'Components that cannot be left out together, found before the first trial; a trial of them would be refused.',
  graph:
    'The layers of the base’s model, for people to look at. Left out: the model was not looked at, or is too large.',
  fedBy: 'Places in the list of the layers whose outputs it takes.',
  study: 'What the user wants left out, as written.',
  include: 'What is left out, each alone or a group at once.',
  exclude: 'Features and layers that are never left out alone.',
  keepWeights: 'Whether a removal is refused after which a layer would have to begin anew.',
  ablated:
    'In an ablation: what the trial does without. A worker that does not heed it measures the base, so it is not asked (`can`). Left out: no ablation.',
  of: 'Which ones. Of a checkpoint: whose it is.',
  features: 'Columns of the data.',
  layers: 'Layers of the model.',
  model: 'The name of another model generator.',
  dataset: 'The name of another dataset generator.',
  training: 'The name of a switch of the training function.',
  prefix: 'All whose names begin so.',
  pattern: 'All whose names fit this regular expression.',
  index: 'The place among all, from 0.',
  nth: 'The so-and-so-many-th of its class, from 0; from the end where it is negative.',
  from: 'Where it comes from: the stream that a line was written to, or the layer before a block.',
  to: 'The last layer of the block; it goes, the first one stays.',
  problem: 'What is wrong, as an error.',

  // Errors
  code: 'The error’s code; compare nothing else.',
  message: 'A sentence for people.',
  remedy: 'What to do about it, for people. Left out: nothing is known.',
  retryable: 'Whether the same may succeed later without anybody changing anything. Left out: no.',
  stack: 'The stack trace, at most 8,192 characters. Left out: there is none.',
  reason: 'Why, in a word or a sentence for people.',

  // Attempts
  assignments: 'Each as in trial.assign. One that is refused keeps none of the others.',
  answers: 'To each assignment, in order: its position, or why it is refused.',
  results: 'Each as in trial.done. One that is refused keeps none of the others.',
  refusals: 'To each result, in order: null where it is in the log, else why it is not.',
  position: 'running: it is the one that runs. next: it waits behind another.',
  known: 'Whether it is there.',
  outcome:
    'How the attempt ended. done: it returned these metrics. stopped: it was told to end. failed: trying again would end alike. crashed: its process died under it, and it may be tried again. returned: handed back, it costs no attempt.',
  resumeFrom: 'The trial whose checkpoint this one continues, until it has one of its own. Left out: it begins afresh.',
  first: 'The number of the first of these, from 0: what was heard already is dropped by it, a gap is a loss.',
  lines: 'Lines of output, in order.',
  text: 'The line, without its end.',
  checkpoint: 'The attempt has saved a checkpoint. Left out: it has not.',
  parameters: 'In an ablation: how many parameters the model had. Left out: not counted.',
  latest: 'The last metrics that were recorded.',

  // The log
  events: 'What happened, in order; one append.',
  submission: 'The experiment as it was handed in.',
  holes: 'How many holes the log had; a user said to go on all the same. Left out: none.',
  told: 'How many events of the log the suggestion rests on. Left out by versions before 0.2.',
  heard: 'How many points of the attempt the driver had heard when it settled.',
  seen: 'The reports that a pruner’s decision rests on.',
  own: 'Points of the trial itself.',
  others: 'Of the trials that had not settled: number, points, number, points, and so on.',
  note: 'A sentence for people.',

  // Signed code
  provenance: 'Where it was submitted from, for people who ask later. It decides nothing. Left out: not told.',
  git: 'The state of the git repository that the module lies in. Left out: it lies in none.',
  commit: 'The commit’s hash, in lower-case hex.',
  branch: 'The branch that was checked out. Left out: none was.',
  dirty: 'Whether files had changed since that commit, or the module itself is not in it.',
  remark: 'A note of a user’s. Left out: none.',
  tag: 'Tags that it gets. Left out: none.',
  untag: 'Tags that are taken from it. Left out: none.',
  tags: 'The tags that it has now, in alphabetical order.',
  signature:
    'Who vouches for the code, and how it can be checked; null or left out: nobody. Workers started with --trust run no other code.',
  key: 'The public key that signed.',
  expiresAt: 'No trial begins by the signature after this instant, in milliseconds since 1970.',
  signed:
    'Of an experiment that is signed: who vouches for its code, and within which bounds. Left out: it is not signed.',
  terms: 'The bounds within which the code may be run.',
  contextSha256: 'sha256 of the whole context in canonical JSON, in lower-case hex.',
  trusts: 'Keys: the worker runs only what one of them has signed. Left out: whatever it is given.',
  'signature.value': 'The signature itself.',

  // Parts of bytes
  'artifact.write.next':
    'From which byte the driver goes on. Where that is not the end of this part, the part was not taken.',
  kept: 'Whether all of it is in the store, and its hash in the log.',
  'artifact.write.kind':
    'bytes: as they are. model: the length of a `model.json` (four bytes, the highest first), that `model.json` as tfjs reads it beside a `weights.bin`, and that `weights.bin`.',
  'events.kind': 'Of an artifact: bytes, or a model of tfjs.',
  'artifact.write.sha256': 'The sha256 of the whole, in lower-case hex; with the part that ends it.',
  'bundle.source.bundle': 'The sha256 of the code, in lower-case hex.',
  'archive.remove.bundle': 'Whether its code went too: no other experiment has the same.',
  offset: 'From which byte of the whole, from 0.',
  data: 'The bytes.',
  upload: 'Of this writing, made up by the writer: parts with the same one belong together.',
  part: 'Which part.',

  // Rings
  ring: 'The ring that trains the trial: `<experiment>-<trial>`, its settings, or how it stands. Left out: one worker trains it.',
  settings: 'How the ring works.',
  generation: 'The number of the ring’s membership; each change makes a new one.',
  members: 'The members, in the order of their ranks.',
  wanted: 'How many members there are to be.',
  joined: 'How many members there are.',
  ahead: 'The gradient step to come to by itself first, and then to ask again; null: it is a member.',
  chases: 'How often it was sent ahead before.',
  manifest: 'sha256 over names, shapes and dtypes of all variables, in order, in hex.',
  holding: 'How far the member has come.',
  finished: 'The last step whose reduced vector it has; -1: none.',
  pending: 'The step whose local gradient it holds, not yet reduced; null: none.',
  fresh: 'It comes new, and needs weights, optimizer state and step from another.',
  late: 'Its next step is its first, for which it has a batch that was cut before it had a shard: its gradient counts only where all members are so.',
  rank: 'The member’s number in the generation, from 0.',
  seat: 'Which shard of the data the member trains on, modulo `workers.max`: no two members have the same, and one keeps its own for as long as it is there.',
  algorithm: 'How vectors are added up: round the ring, or each to each.',
  encoding: 'How numbers travel; they are added up in float32.',
  chunkBytes: 'Bytes that a chunk carries at most.',
  window: 'Chunks under way to one member without an answer.',
  timing: 'How long members wait.',
  hopMinMs: 'The shortest wait for one answer, in milliseconds.',
  hopMaxMs: 'The longest wait for one answer, in milliseconds.',
  silentMs: 'A neighbour that listens but does not answer for this many milliseconds is reported.',
  absentMs: 'A neighbour for which no process listens for this many milliseconds is reported.',
  min: 'The fewest members.',
  max: 'The most members.',
  syncEvery: 'Steps between two averages of weights; 1: gradients at every step.',
  accumulate: 'Batches whose gradients are added up before one step.',
  checkpointEvery: 'Steps between two checkpoints of rank 0; null: none.',
  shard: 'Whether the dataset is cut up by rank, or each rank loads its own part.',
  learningRate: 'Multiplied by the number of ranks (linear), or left as it is set.',
  nonFinite: 'A gradient that is not finite ends the trial (stop), or its step is left out on all ranks (skip).',
  communication: 'Of a step’s time, what was spent waiting for the ring: 0 to 1.',
  samplesPerSecond: 'Samples in a second, over all members.',
  straggler: 'A member that the others wait for; null: none.',
  times: 'How many times as long it computes.',
  suspect: 'The member that does not answer.',
  doing: 'What the member is doing now.',
  reducing: 'The collective that it is at; null: none.',
  samples: 'Samples that it has computed since it said so last.',
  stepMs: 'Milliseconds that a step took.',
  predecessorMs: 'Milliseconds that it waited for the member before it.',
  'ring.form.key': '16 random bytes, made anew for each generation and told to its members only.',
  member: 'The worker of a member that tells what came of the collectives so far (`ring.recall`).',
  pass: '16 bytes that show to that member that the driver has let this worker in: see ring.ts.',
  sealed: 'The chunk’s msgpack bytes, for those that have the generation’s key: see ring.ts.',
  checksum: 'Over the data: see ring.ts.',
  chunk: 'One chunk of a vector.',
  hop: 'How many times it has been handed on.',
  phase: 'reduce-scatter or all-gather.',
  length: 'How many numbers it stands for.',
  weight: 'The samples that it stands for.',
}

/**
 * The description of a field, or undefined. `conversation`: the message it is in; `within`: the field that it stands in, `''` for a field
 * of the message itself.
 */
export function fieldDoc(conversation: string, within: string, name: string): string | undefined {
  const particular = within === '' ? [`${conversation}.${name}`] : [`${within}.${name}`]
  // Observations are told like a history, and parameters stand under names within a space.
  if (within === 'observations') particular.push(`history.${name}`)
  for (const key of [...particular, name]) if (Object.hasOwn(told, key)) return told[key]
  return undefined
}

/** All of them, by their keys. */
export const fieldDocs: readonly (readonly [key: string, text: string])[] = Object.entries(told)
