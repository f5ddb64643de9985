/**
 * The table of errors. A code is never reused and never changes its meaning; between processes only codes are compared.
 * `{name}` in a message is filled from the error's details.
 */
export interface ErrorEntry {
  readonly message: string
  /** Whether the same call may succeed later without anybody changing anything. */
  readonly retryable: boolean
  readonly remedy: string
}

export const table = {
  // The bus
  BUS_NO_RESPONDERS: {
    message: 'nobody answers on {subject}',
    retryable: true,
    remedy: 'start the actor that answers it (`maggy driver`, `maggy optimizer`, `maggy worker`)',
  },
  BUS_TIMEOUT: {
    message: 'no answer on {subject} within {ms} ms',
    retryable: true,
    remedy: 'see whether the process that answers it still runs; the call may be repeated',
  },
  BUS_DISCONNECTED: {
    message: 'the connection to {server} is down',
    retryable: true,
    remedy: 'the client reconnects by itself; see that nats-server runs',
  },
  BUS_CLOSED: { message: 'the connection is closed', retryable: false, remedy: 'open a new one' },
  BUS_TOO_LARGE: {
    message: 'a message of {bytes} bytes on {subject} is larger than the {limit} bytes the server takes',
    retryable: false,
    remedy: 'raise max_payload in the server configuration, or send less',
  },
  BUS_CONFLICT: {
    message: 'another writer appended to {subject} (expected sequence {expected})',
    retryable: false,
    remedy: 'another driver owns this experiment now; nothing is lost',
  },
  BUS_SUPERSEDED: {
    message: '{subject} holds bytes of generation {held}, and these are of generation {generation}',
    retryable: false,
    remedy: 'nothing needs to be done: what is there is newer',
  },
  BUS_FULL: {
    message: 'the server has no room for {subject}: {reason}',
    retryable: true,
    remedy:
      'give its JetStream store more room, or delete experiments that are no longer needed (`maggy ls`, `maggy rm ID`, `maggy rm --older-than 30d`)',
  },
  BUS_REFUSED: {
    message: 'the server refused {subject}: {reason}',
    retryable: true,
    remedy: "see the server's log",
  },
  BUS_FORBIDDEN: {
    message: 'the permissions of this connection do not allow {subject}',
    retryable: false,
    remedy: 'give credentials of the role that may do it (protocol/README.md, "Who may do what")',
  },
  BUS_UNREACHABLE: {
    message: 'no server at {server}: {reason}',
    retryable: true,
    remedy: 'start one with `maggy server`, or give its address with --server',
  },
  TOKEN_FILE_MISSING: {
    message: 'there is no token file {file}',
    retryable: true,
    remedy: 'name the one that the server says as it starts, with --token-file or MAGGY_TOKEN_FILE',
  },
  BUS_UNAUTHORIZED: {
    message: 'the server {server} refused the credentials',
    retryable: false,
    remedy: 'give the right token in the address (nats://TOKEN@host:port) or in MAGGY_TOKEN',
  },
  BUS_CREDENTIALS_EXPIRED: {
    message: 'the credentials of {name} were valid until {at}',
    retryable: false,
    remedy: 'have new ones made: `maggy auth add-… NAME` (the file is read again with each connection)',
  },
  BUS_CREDENTIALS_REVOKED: {
    message:
      'the server {server} does not take the credentials of {name}: they were revoked, or another authority made them',
    retryable: false,
    remedy: 'have new ones made: `maggy auth add-… NAME`, or look for the file that belongs to this server',
  },
  BUS_CREDENTIALS_UNUSED: {
    message: 'the server {server} asks for no credentials, so it is not the one that they are for',
    retryable: false,
    remedy: 'give the address of the right server, or leave the credentials out',
  },
  BUS_SERVER_CHANGED: {
    message: 'another server than last time answers at {server}: {now}; in {file} it is {before}',
    retryable: false,
    remedy: 'see that it is the right one; then take its line out of that file',
  },
  BUS_TLS_REFUSED: {
    message: 'no safe connection to {server}: {reason}',
    retryable: false,
    remedy:
      "give the certificate of the authority that signed the server's (--tls-ca), and the host name that is in it",
  },
  BUS_NO_LEADER: {
    message: 'the cluster of {server} has no leader for {subject} now: {reason}',
    retryable: true,
    remedy: 'it elects one within seconds where most of its members run; start those that are missing',
  },
  BUS_TOO_FEW_SERVERS: {
    message: '{server} cannot keep {replicas} copies of {stream}: {reason}',
    retryable: true,
    remedy: 'start more members (`maggy server --cluster`), give them room, or ask for fewer copies (--replicas)',
  },
  BUS_NOT_SET_UP: {
    message: 'nothing is kept on the server {server} yet',
    retryable: true,
    remedy: 'start a driver first: it makes what is needed',
  },
  CREDENTIALS_INVALID: {
    message: 'the credentials in {file} cannot be used: {reason}',
    retryable: false,
    remedy: 'give the file that `maggy auth add-…` has made, readable by its owner alone (chmod 600)',
  },
  IDENTITY_DIFFERS: {
    message: 'the credentials in {file} are for somebody else: {reason}',
    retryable: false,
    remedy: 'give each actor the credentials that were made for it, and leave --id out: the name is in them',
  },
  AUTHORITY_INVALID: {
    message: 'the authority in {folder}: {reason}',
    retryable: false,
    remedy: 'make one with `maggy auth init FOLDER`, or give the folder of the one that there is with --dir',
  },
  BUS_NO_JETSTREAM: {
    message: 'the server {server} has no JetStream',
    retryable: false,
    remedy: 'start it with `maggy server`, or add a `jetstream {}` block to its configuration',
  },
  BUS_TOO_OLD: {
    message: 'the server {server} is version {version}; {required} or later is needed',
    retryable: false,
    remedy: '`maggy doctor --fix` installs one, `maggy server` starts it',
  },
  BOARD_PORT_IN_USE: {
    message: 'port {port} is in use, and the board cannot listen on it',
    retryable: false,
    remedy: 'choose another with --port (0: any that is free)',
  },
  BOARD_READ_ONLY: {
    message: 'this board only shows',
    retryable: false,
    remedy: 'start it with --control',
  },
  BUS_PORT_IN_USE: {
    message: 'port {port} is in use',
    retryable: false,
    remedy: 'choose another with --port, or connect to the server that runs there with --server',
  },
  BUS_BUSY: {
    message: 'the embedded bus in {directory} is in use by process {pid}',
    retryable: true,
    remedy: 'wait for it, give another folder with --data, or start `maggy server` and share it with --server',
  },
  BUS_DATA_ALONE: {
    message:
      'the folder {directory} is of a server without a cluster: what it keeps ({streams}) would not be in the cluster',
    retryable: false,
    remedy:
      'begin with an empty folder (--data): the old server may run beside it, on another port; deploy/CLUSTER.md says how its experiments move',
  },
  BUS_DATA_CLUSTERED: {
    message:
      'the folder {directory} is of a member of a cluster: a server alone would keep there what the others never learn of',
    retryable: false,
    remedy: 'start it with --cluster, --name and --routes as before, or name another folder (--data)',
  },
  // Messages
  MESSAGE_MALFORMED: {
    message: 'a message on {subject} cannot be decoded: {reason}',
    retryable: false,
    remedy: 'encode it as one msgpack map',
  },
  MESSAGE_INVALID: {
    message: 'a message on {subject} is not valid: {path} {reason}',
    retryable: false,
    remedy: 'see protocol/README.md for the schema of this subject',
  },
  MESSAGE_TOO_LARGE: {
    message: 'a message on {subject} has {bytes} bytes; {limit} are the most',
    retryable: false,
    remedy: 'say less at once: shorter texts, fewer names, fewer entries',
  },
  ANSWER_INVALID: {
    message: 'the answer on {subject} is none: {reason}',
    retryable: false,
    remedy: 'mend the actor that answers there; protocol/README.md has the schema of its replies',
  },
  VERSION_UNSUPPORTED: {
    message: '{subject} speaks another major version than {supported}',
    retryable: false,
    remedy: 'run the same major version of maggy on both sides',
  },
  INTERNAL: {
    message: 'internal error: {reason}',
    retryable: false,
    remedy: 'please report it, with the log of the process that answered',
  },
  FILE_REFUSED: {
    message: '{path} cannot be used: {reason}',
    retryable: false,
    remedy: 'see that it may be read and written, or name another (--data, --output, MAGGY_CACHE)',
  },
  DISK_FULL: {
    message: 'there is no room on the disk for {path}',
    retryable: true,
    remedy: 'make room, or name a folder on another disk (--data, --output, MAGGY_CACHE)',
  },
  FILES_EXHAUSTED: {
    message: 'this process may not open any more files: {reason}',
    retryable: true,
    remedy: 'raise the limit (`ulimit -n 4096`), or start fewer workers',
  },
  OPTION_INVALID: { message: '{option}: {reason}', retryable: false, remedy: 'see --help' },
  ACTOR_FAILED: {
    message: 'the {actor} beside the embedded bus ended {times} times within a minute: {reason}',
    retryable: false,
    remedy: '`maggy doctor` says what is missing; started by hand (`maggy {actor} --server …`) it shows its whole log',
  },
  // What users write
  MODULE_NOT_FOUND: {
    message: 'there is no module {module}',
    retryable: false,
    remedy: 'give the path of a TypeScript or JavaScript file',
  },
  MODULE_NOT_COMPILED: {
    message: '{module} does not compile:\n{reason}',
    retryable: false,
    remedy: 'mend the lines named above',
  },
  MODULE_NOT_LOADED: {
    message: '{module} failed while it was loaded: {reason}',
    retryable: false,
    remedy: 'the code outside of functions runs on import: mend it there',
  },
  NEVER_SETTLED: {
    message: '{what} never settles: nothing is left that could wake what it waits for',
    retryable: false,
    remedy:
      'look for a promise that is never resolved: an event that does not come, a stream that has ended, a callback that is not called',
  },
  EXPERIMENT_NOT_EXPORTED: {
    message: '{module} has no experiment as its default export',
    retryable: false,
    remedy: 'end it with `export default defineExperiment(import.meta.url, { … })`',
  },
  EXPERIMENT_INVALID: {
    message: 'the experiment is not valid: {path} {reason}',
    retryable: false,
    remedy: 'see the documentation of defineExperiment',
  },
  EXPERIMENT_UNKNOWN: {
    message: 'there is no experiment {experiment}',
    retryable: false,
    remedy: '`maggy ls` lists those that are known here',
  },
  TRIALS_TOO_FEW: {
    message: '{experiment} has {count} trials with a value that can be compared; to suggest a space takes {needed}',
    retryable: false,
    remedy: '`maggy resume {experiment} --trials +20` gives it more',
  },
  EXPERIMENT_UNOWNED: {
    message: 'no driver has the experiment {experiment}: nothing of it runs',
    retryable: true,
    remedy: '`maggy resume {experiment}` goes on with it; a driver on its bus takes it up by itself',
  },
  CHANGE_REFUSED: {
    message: '{what} of {experiment} cannot be changed: {reason}',
    retryable: false,
    remedy: 'begin another search that knows this one (`warmStart`), or change something else',
  },
  CHANGE_UNSIGNED: {
    message: 'the change of {experiment} goes beyond what the key {key} has signed, and is not signed',
    retryable: false,
    remedy: 'change it where that key is (`maggy resume --sign-key FILE`)',
  },
  CHANGE_STALE: {
    message: 'the experiment {experiment} was changed by somebody else meanwhile',
    retryable: true,
    remedy: 'nothing: what it is now is read, and the change is asked for again',
  },
  EXPERIMENT_PAUSED: {
    message: 'the experiment {experiment} is paused: no trial of it is handed out',
    retryable: true,
    remedy: '`maggy resume {experiment}` goes on with it',
  },
  PAUSE_REFUSED: {
    message: 'the experiment {experiment} cannot be paused: it is {state}',
    retryable: false,
    remedy: 'nothing needs to be done: it hands out no more trials',
  },
  EXPERIMENT_EXISTS: {
    message: 'the experiment {experiment} exists already, with another definition',
    retryable: false,
    remedy: 'leave the id out, and a new one is made',
  },
  EXPERIMENT_BUSY: {
    message: 'the experiment {experiment} is {doing} just now',
    retryable: true,
    remedy: 'nothing: it is asked again in a moment',
  },
  LOG_HOLE: {
    message: 'the log of {experiment} has a hole: {fault}',
    retryable: false,
    remedy:
      '`maggy show` says what is left of it; `maggy resume --force` goes on with that, and what became of the missing trials stays unknown',
  },
  LOG_UNANSWERED: {
    message: 'nothing has said for {seconds} s that what was written on {subject} is kept',
    retryable: true,
    remedy:
      'its server is slow or out of reach, or its cluster elects a leader or lacks most of its members; it is asked until it answers',
  },
  LOG_POISONED: {
    message: 'something wrote {entries} entries into the log of {experiment} that are none; they were stepped over',
    retryable: true,
    remedy: 'nothing needs to be done for the experiment: let nobody but drivers publish on the subjects of logs',
  },
  FLEET_FULL: {
    message: 'worker {worker} is not taken in: this driver knows {workers} workers with {slots} slots already',
    retryable: true,
    remedy: 'see what announces so many workers; start another driver for more',
  },
  DRIVER_THERE: {
    message: 'there is a driver named {driver} already',
    retryable: true,
    remedy: 'give this one another name with --id, or none: then it gets one of its own',
  },
  WORKER_THERE: {
    message: 'there is a worker named {worker} already',
    retryable: true,
    remedy:
      'give this one another name with --id, or none: then it gets one of its own; a worker has more slots with --slots',
  },
  DRIVER_FULL: {
    message: 'driver {driver} has {experiments} experiments already',
    retryable: true,
    remedy: 'wait until some have ended, or start another driver',
  },
  EXPERIMENT_GIVEN_UP: {
    message: 'the experiment was given up after {failed} failed trials: {reason}',
    retryable: false,
    remedy: 'see the first failed trial with `maggy logs`, or raise maxFailed',
  },
  NOTHING_DONE: {
    message: 'none of the {trials} trials was done: {reason}',
    retryable: false,
    remedy: 'see what they said with `maggy logs`; if time was short, allow more of it',
  },
  LAGOM_WITHIN_RUNNER: {
    message: 'lagom was called while a worker loaded {module}',
    retryable: false,
    remedy: 'call lagom in a module of its own, which imports the experiment',
  },
  CONTEXT_UNKNOWN: {
    message: 'the experiment {experiment} has no context {context}; it has {known}',
    retryable: false,
    remedy: 'name one of them, or add it under `contexts`',
  },
  CONTEXT_INVALID: { message: '{path} {reason}', retryable: false, remedy: 'mend this option of the context' },
  STUDY_INVALID: {
    message: 'study.{path} {reason}',
    retryable: false,
    remedy: 'mend the study, or what the definition says of features, models, datasets and switches',
  },
  SPACE_INVALID: { message: '{path} {reason}', retryable: false, remedy: 'mend this parameter of the search space' },
  HPARAMS_INVALID: { message: '{path} {reason}', retryable: false, remedy: 'give a value inside the search space' },
  METRIC_MISSING: {
    message: 'train returned no metric {metric}; it returned {returned}',
    retryable: false,
    remedy: 'return {{metric}: number}, or name another metric in the context',
  },
  RESULT_INVALID: {
    message: 'train returned {returned}',
    retryable: false,
    remedy: 'return a finite number, or an object of finite numbers',
  },
  REPORT_INVALID: {
    message: 'reporter.report got {reported}',
    retryable: false,
    remedy: 'report a number, or an object of numbers, and a step that is a whole number',
  },
  REPORT_STEP_BACK: {
    message: 'reporter.report got step {step} after step {last}',
    retryable: false,
    remedy: 'steps never decrease within a trial; leave the step out to count by one',
  },
  CHECKPOINT_INVALID: {
    message: 'checkpoint: {reason}',
    retryable: false,
    remedy: 'save a LayersModel or a Uint8Array of at most 1 GiB, and read as model() what was saved as a model',
  },
  TRAIN_FAILED: { message: 'train threw {reason}', retryable: false, remedy: 'see the stack' },
  TRIAL_TIMEOUT: {
    message: 'the trial took longer than {ms} ms',
    retryable: false,
    remedy: 'raise trialTimeoutMs in the context, or do less in train',
  },
  TRIAL_UNRESPONSIVE: {
    message: 'train went on for {ms} ms after it was told to stop, and was killed',
    retryable: false,
    remedy: 'call reporter.report or look at reporter.signal in the loop',
  },
  RUNNER_CRASHED: {
    message: 'the runner process ended ({reason}) while it ran the trial',
    retryable: true,
    remedy: 'see the output of the trial; an out-of-memory shows as SIGKILL or SIGABRT',
  },
  RUNNER_OUT_OF_MEMORY: {
    message: 'the trial ran out of memory ({reason})',
    retryable: true,
    remedy: 'give it a worker with more memory for each slot (`maggy worker --memory`), or let it use less',
  },
  RESOURCES_MISSING: {
    message: 'no worker has {wanted} for a slot; {nearest}',
    retryable: true,
    remedy:
      'start one that has (`maggy worker --memory`, `--gpus`, fewer `--slots`), or ask for less (`maggy resume --set resources=…`)',
  },
  MEMORY_MISSING: {
    message: 'trial {trial} ran out of {memory} of memory, and {reason}',
    retryable: true,
    remedy: 'start a worker with more memory for each slot: `maggy worker --memory`',
  },
  WORKER_LOST: { message: 'worker {worker} was lost', retryable: true, remedy: 'see the log of that worker' },
  WORKER_DRAINING: { message: 'worker {worker} is leaving', retryable: true, remedy: 'ask another worker' },
  SLOT_TAKEN: {
    message: 'slot {slot} of worker {worker} is held by driver {holder}',
    retryable: true,
    remedy: 'wait until it is released, or start more workers',
  },
  LEASE_UNKNOWN: {
    message: 'worker {worker} knows no such lease on slot {slot}',
    retryable: true,
    remedy: 'ask for a lease first',
  },
  SLOT_HANDS_BACK: {
    message: 'slot {slot} of worker {worker} hands back what it is given without having begun it',
    retryable: true,
    remedy: 'see the log of that worker; start it again',
  },
  SLOTS_TAKEN: {
    message: 'other drivers ({drivers}) hold all {slots} slots that it could use',
    retryable: true,
    remedy: 'start more workers with `maggy worker --server {server}`; it goes on when one falls free',
  },
  SLOTS_UNUSABLE: {
    message: 'slot {slot} of worker {worker} cannot be used: {reason}',
    retryable: true,
    remedy: 'see the log of that worker; it is tried again by itself',
  },
  ASSIGN_UNANSWERED: {
    message: 'worker {worker} has not answered for {seconds} s that it takes trial {trial} ({reason})',
    retryable: true,
    remedy: 'see the log of that worker; when it is found to be gone, the trial goes elsewhere',
  },
  RESULT_REFUSED: {
    message: 'a result of trial {trial} from worker {worker} was refused: {reason}',
    retryable: true,
    remedy: 'see that worker and driver are of the same version of maggy',
  },
  ATTEMPT_FOREIGN: {
    message:
      'worker {worker} speaks of attempt {attempt} at trial {trial} of {experiment}, which the log gave to {holder}',
    retryable: false,
    remedy: 'nothing needs to be done: it does not count; see what speaks in the name of that worker',
  },
  SUGGESTION_MISSING: {
    message: '{suggester} has not answered for {seconds} s what to run next',
    retryable: true,
    remedy: 'see the log of that process; when it is gone, another of its name is asked',
  },
  TRIALS_FINISHING: {
    message: '{experiment} is being stopped: trials that run may go on to their end ({trials} do)',
    retryable: true,
    remedy: '`maggy stop {experiment} --cancel` stops them now',
  },
  NOTHING_MOVES: {
    message: 'nothing was suggested, assigned or ended for {seconds} s: {known}',
    retryable: true,
    remedy: 'see the log of the driver; `maggy stop ID --cancel` ends the experiment',
  },
  DRIVER_FENCED: {
    message: 'driver {driver} does not have the experiment {experiment} any more',
    retryable: true,
    remedy: 'nothing needs to be done: what is said again, the driver that has it now takes',
  },
  ATTEMPTS_EXHAUSTED: {
    message: 'the trial was tried {attempts} times; the last time: {reason}',
    retryable: false,
    remedy: 'see the output of its attempts with `maggy logs`',
  },
  BUNDLE_MISSING: {
    message: 'the code bundle {sha256} is not on the bus',
    retryable: false,
    remedy: 'submit the experiment again',
  },
  BUNDLE_OUTDATED: {
    message: 'the code bundle of {module} was made by another version of maggy',
    retryable: false,
    remedy: 'submit the experiment again with this version, or run workers of the version that made it',
  },
  BUNDLE_CORRUPT: {
    message: 'the code bundle {sha256} arrived with another hash',
    retryable: true,
    remedy: 'submit the experiment again',
  },
  UPLOAD_UNKNOWN: {
    message: 'the driver knows no upload {upload} that goes on at byte {offset}',
    retryable: true,
    remedy: 'begin again at byte 0; the driver was started anew, or a part is missing',
  },
  CHECKPOINT_REFUSED: {
    message: 'attempt {attempt} at trial {trial} is not with worker {worker}',
    retryable: false,
    remedy: 'nothing needs to be done: the trial was given to another worker, or has ended',
  },
  ARTIFACT_INVALID: {
    message: 'the artifact {name} cannot be saved: {reason}',
    retryable: false,
    remedy:
      "save a tfjs LayersModel, a Uint8Array or the path of a file: `await artifact.save('model', net)`; a name takes letters, digits, . _ and -",
  },
  ARTIFACT_REFUSED: {
    message: 'attempt {attempt} at trial {trial} is not with worker {worker}',
    retryable: false,
    remedy: 'nothing needs to be done: the trial was given to another worker, or has ended',
  },
  ARTIFACT_CORRUPT: {
    message: 'the artifact {name} came with another hash than it has',
    retryable: true,
    remedy: 'it is sent again; if this goes on, see that nobody writes into the file while it is saved',
  },
  ARTIFACT_MISSING: {
    message: 'trial {trial} of {experiment} has no artifact {name}; it has {known}',
    retryable: false,
    remedy: 'name one that is there: `maggy artifacts {experiment}` lists them',
  },
  MODEL_MISSING: {
    message: 'trial {trial} of {experiment} saved no model; it saved {known}',
    retryable: false,
    remedy: "save it in train, and run again: `await artifact.save('model', net)`",
  },
  TRIAL_UNKNOWN: {
    message: '{experiment} has no trial {trial}',
    retryable: false,
    remedy: '`maggy show {experiment} --all` lists its trials',
  },
  BEST_UNKNOWN: {
    message: '{experiment} has no best trial: {reason}',
    retryable: false,
    remedy: 'name the trial: --trial N (`maggy show {experiment}`)',
  },
  SOURCE_MISSING: {
    message: 'the code of {experiment} is not on the bus: its workers have it',
    retryable: false,
    remedy: 'look where its workers run',
  },
  EXPERIMENT_REMOVING: {
    message: '{experiment} is being removed',
    retryable: false,
    remedy: '`maggy rm {experiment}` goes on with it, where it was interrupted',
  },
  ANNOTATION_REFUSED: {
    message: 'the note or tag cannot be given to {experiment}: {reason}',
    retryable: false,
    remedy: 'take tags away first: `maggy tag {experiment} -TAG`',
  },
  EXPERIMENT_PINNED: {
    message: '{experiment} is pinned',
    retryable: false,
    remedy: '`maggy pin {experiment} --off` lets it go',
  },
  STORE_BUSY: {
    message: 'the driver passes on as much code and as many checkpoints as it can now',
    retryable: true,
    remedy: 'ask again later; more drivers share the experiments among them',
  },
  CODE_UNSIGNED: {
    message: '{experiment} is not signed, and worker {worker} runs signed code only',
    retryable: false,
    remedy:
      'make a key (`maggy key new`), add what `maggy key show` prints to the file that its workers have as --trust, start them again, and run the experiment again: it is signed then',
  },
  CODE_UNTRUSTED: {
    message: '{experiment} is signed by the key {key}, which worker {worker} does not trust',
    retryable: false,
    remedy:
      'add the line that `maggy key show` prints to the file that its workers have as --trust, and start them again; or sign with a key that is there (--sign-key)',
  },
  SIGNATURE_EXPIRED: {
    message: 'the signature of {experiment} has expired ({at})',
    retryable: false,
    remedy: '`maggy resume {experiment}` signs it anew, with the key that it was signed with',
  },
  SIGNATURE_INVALID: {
    message: 'the signature of {experiment} does not fit: {reason}',
    retryable: false,
    remedy: 'what is to be run is not what was signed: find out who has changed it, and submit the experiment again',
  },
  KEY_REFUSED: {
    message: 'the key file {path} cannot be used: {reason}',
    retryable: false,
    remedy: 'nobody but its owner may read it (`chmod 600 {path}`); `maggy key new` makes another',
  },
  TRUST_REFUSED: {
    message: 'the file of trusted keys {path} cannot be used: {reason}',
    retryable: false,
    remedy:
      'a line for each key, as `maggy key show` prints it: KEY NAME; nobody but its owner may write it (chmod 644)',
  },
  WORKERS_MISSING: {
    message: 'no worker{wanted} has announced itself for {seconds} s',
    retryable: true,
    remedy: 'start one: `maggy worker --server {server}`; the experiment goes on by itself',
  },
  DRIVER_MISSING: {
    message: 'no driver answers',
    retryable: true,
    remedy: 'start one: `maggy driver --server {server}`; nothing is lost meanwhile',
  },
  PACKAGE_MISSING: {
    message: 'the package {specifier} is not installed here ({host})',
    retryable: false,
    remedy: 'it cannot be shipped: install it where workers run, and start them in that folder',
  },
  // Plug-ins
  OPTIMIZER_UNAVAILABLE: {
    message: 'no optimizer named {optimizer} answers: {hint}',
    retryable: true,
    remedy: 'your own is started as a process of its own',
  },
  OPTIMIZER_MISBEHAVED: {
    message: 'the optimizer {optimizer} gave a wrong answer: {reason}',
    retryable: false,
    remedy: 'mend the optimizer; hparams must lie inside the search space',
  },
  OPTIMIZER_UNFIT: {
    message: 'the optimizer {optimizer} cannot take this: {path} {reason}',
    retryable: false,
    remedy: 'choose another optimizer, or mend the space',
  },
  OPTIMIZER_BUSY: {
    message: 'the optimizer {optimizer} has {waiting} questions about this experiment waiting',
    retryable: true,
    remedy: 'ask again later; if it never answers, start it again',
  },
  ABLATOR_UNAVAILABLE: {
    message: 'no ablator named {ablator} answers',
    retryable: true,
    remedy: 'start one: `maggy ablator` has loco, pairs and greedy; your own is started as a process of its own',
  },
  ABLATOR_MISBEHAVED: {
    message: 'the ablator {ablator} gave a wrong answer: {reason}',
    retryable: false,
    remedy: 'mend the ablator; it names components of the study',
  },
  ABLATOR_UNFIT: {
    message: 'the ablator {ablator} cannot take this: {path} {reason}',
    retryable: false,
    remedy: 'choose another ablator, or mend its options',
  },
  ABLATOR_BUSY: {
    message: 'the ablator {ablator} has {waiting} questions about this experiment waiting',
    retryable: true,
    remedy: 'ask again later; if it never answers, start it again',
  },
  SURGERY_REFUSED: {
    message: '{layers} cannot be left out: {reason}',
    retryable: false,
    remedy: 'leave out a group that goes together, or give a model generator of its own (study().models)',
  },
  ABLATION_IGNORED: {
    message: '{component} was to be left out, but {reason}: the trial would have been the base over again',
    retryable: false,
    remedy: 'call the generator that train is given, look at `without` in it, or ask `ablated.has(name)` in train',
  },
  PRUNER_MISBEHAVED: {
    message: 'the pruner {pruner} gave a wrong answer: {reason}',
    retryable: false,
    remedy: "mend the pruner; it answers 'continue' or 'stop'",
  },
  PRUNER_UNKNOWN: {
    message: 'there is no pruner {pruner}; there are {known}',
    retryable: false,
    remedy: 'name one of them',
  },
  // Rings
  RING_PEER_LOST: {
    message: 'rank {rank} (worker {worker}) of ring {ring} does not answer any more',
    retryable: true,
    remedy: 'nothing needs to be done: the ring goes on without it',
  },
  RING_STALE: {
    message: 'generation {generation} of ring {ring} is over; it is at {current}',
    retryable: false,
    remedy: 'nothing needs to be done: the member takes part in the newer generation, or is out',
  },
  RING_OUTSIDER: {
    message: 'worker {worker} has no part in generation {generation} of ring {ring}',
    retryable: false,
    remedy:
      'nothing needs to be done, unless that worker should have: then its driver forms the next generation with it',
  },
  RING_PASSED: {
    message: 'the ring has gone back to collective {next}, and this member, which was sent ahead, is at {collective}',
    retryable: true,
    remedy: 'nothing needs to be done: the attempt begins anew',
  },
  RING_CHUNK_CORRUPT: {
    message: 'chunk {chunk} was damaged on its way',
    retryable: true,
    remedy: 'it is sent again; if this goes on, look at the memory and the network of both hosts',
  },
  RING_EARLY: {
    message: 'rank {rank} has not come to step {step} yet, and has no room to keep a chunk of it',
    retryable: true,
    remedy: 'nothing needs to be done: it is sent again',
  },
  RING_ABANDONED: {
    message: 'generation {generation} of ring {ring} was given up',
    retryable: true,
    remedy: 'nothing needs to be done: the next generation runs the step again',
  },
  RING_MISMATCH: {
    message: 'rank {rank} reduces another vector than rank {otherRank}: {reason}',
    retryable: false,
    remedy:
      'all ranks must take the same steps in the same order: see that no branch in train depends on its data alone',
  },
  RING_DIVERGED: {
    message: 'the members of ring {ring} are more than one step apart ({steps})',
    retryable: false,
    remedy: 'resume from the last checkpoint; please report it',
  },
  RING_MEMBERS_MISSING: {
    message: '{there} of {wanted} workers, {missing} missing',
    retryable: true,
    remedy: 'start as many with `maggy worker --server {server}`, or free some: the training goes on by itself',
  },
  RING_AWAITS: {
    message:
      'trial {trial}: {waiting} of {members} workers wait for {workers}, whose train has not come to the next step for {seconds} s',
    retryable: true,
    remedy:
      'it goes on by itself once that is done; `maggy logs` shows what train says, and `trialTimeoutMs` of the context ends a trial that never does',
  },
  RING_MANIFEST_DIFFERS: {
    message:
      'the models of the ranks differ: variable {index} is {variable} on rank {rank}, and {otherVariable} on rank {otherRank}',
    retryable: false,
    remedy: 'the model generator must make the same model on every rank: it may depend on hparams only',
  },
  RING_REPLICAS_DIFFER: {
    message: '{when}: {variable} is not the same on rank {rank} and rank {otherRank}',
    retryable: false,
    remedy:
      'what train does to variables must be the same on every rank: seed what is random, take gradients by fit, minimize or variableGrads (those of tf.grad, tf.grads and tf.valueAndGrads are not averaged), and keep state that train makes by hand in tf.variable; deploy/TRAINING.md lists the causes',
  },
  RING_WEIGHTS_ELSEWHERE: {
    message:
      'train sets weights of {layer} that it read while it passed steps which were over before this worker came: it has never had them',
    retryable: true,
    remedy:
      'nothing needs to be done: the others go on without this worker; copies of what `model.getWeights()` gives, as tensors, are part of what a worker takes over',
  },
  RING_WEIGHTS_PASSED: {
    message:
      'train sets weights of {layer} that it read while it passed steps which were over before this worker came (or are older than the checkpoint that it went on from): nobody here has them',
    retryable: false,
    remedy:
      'keep copies of what `model.getWeights()` gives, as tensors, which are part of what a worker takes over; or `checkpoint.save(model)` as soon as it is the best one',
  },
  RING_DECISIONS_DIFFER: {
    message: '{when}: {what} is {value} on rank {rank}, and {otherValue} on rank {otherRank}',
    retryable: false,
    remedy:
      'let train decide on numbers that fit, evaluate or a History tells: these are the mean over all ranks; what a rank computes from its own data, from chance or from the clock differs',
  },
  RING_LOOPS_DIFFER: {
    message: 'rank {rank} {doing}, while rank {otherRank} {otherDoing}',
    retryable: false,
    remedy:
      'every rank must compute and apply as many gradients as the others, and report as often: play a fixed number of moves, or add up the loss of a whole episode and compute one gradient of it; end a loop on numbers that fit or evaluate tells',
  },
  FITS_AT_ONCE: {
    message: 'train begins a `fit` while another one runs: each worker would take their steps in another order',
    retryable: false,
    remedy:
      'await one `fit` before the next one begins (a `for` loop in the place of `Promise.all`); one that a callback of another awaits is in order',
  },
  TRAINING_OVER: {
    message: 'train has returned, and what it has begun goes on training',
    retryable: false,
    remedy: 'await every `fit` that train begins',
  },
  GRADIENT_NOT_FINITE: {
    message: 'rank {rank}, step {step}: the gradient of {variable} holds {value}',
    retryable: false,
    remedy: "lower the learning rate or clip gradients; training({ nonFinite: 'skip' }) leaves such steps out",
  },
  GRADIENT_MISSING: {
    message: 'train returned without ever computing a gradient of a variable, so there is nothing to train together',
    retryable: false,
    remedy:
      'train with model.fit, optimizer.minimize or tf.variableGrads; what only evaluates needs no training context',
  },
  DATASET_TOO_SMALL: {
    message: 'the dataset has {samples} samples, and is to be cut in {shards} shards',
    retryable: false,
    remedy: 'ask for fewer workers, or use more data',
  },
  DATASET_DIFFERS: {
    message: 'the dataset generator did not give the same on all workers: {part} differs',
    retryable: false,
    remedy:
      'shuffle and draw inside the generator, with Math.random or tfjs: there it is the same on all workers. What comes from crypto, ' +
      "the clock, the module's own level or files that differ is not: seed it; or give each worker its own data (shard: 'own')",
  },
  DATASET_PART_EMPTY: {
    message: '{call}: the dataset was cut in {shards} shards, so that this worker has {has} of {whole} elements',
    retryable: false,
    remedy: 'split the data in the dataset generator ({{ train, test }}: only train is cut), or by a share of its size',
  },
  // Doors to other tools
  JOURNAL_INVALID: {
    message: '{file} is no journal of Optuna: line {line} {reason}',
    retryable: false,
    remedy:
      'name a file that `optuna.storages.journal.JournalFileBackend` or `maggy export` wrote, or one that is not there yet',
  },
  MLFLOW_UNREACHABLE: {
    message: 'MLflow at {url} does not answer: {reason}',
    retryable: true,
    remedy:
      'see that the server runs; what it lacks is sent when it is there again, or by `maggy export ID --mlflow URL`',
  },
  MLFLOW_REFUSED: {
    message: 'MLflow at {url} refuses {path}: {reason}',
    retryable: false,
    remedy:
      'see what it says; credentials stand in the address (http://user:password@host) or in MLFLOW_TRACKING_TOKEN',
  },
  METRICS_PORT_UNUSABLE: {
    message: 'metrics cannot be served on {host}, port {port}: {reason}',
    retryable: false,
    remedy: 'choose another with --metrics-port and --metrics-host',
  },
  TOOL_NOT_ALLOWED: {
    message: 'the tool {tool} changes something, and this server may only read',
    retryable: false,
    remedy: 'ask the user to start the server as `maggy mcp --allow start,stop,note`, with what is to be allowed',
  },
  STUDY_WITHOUT_OBJECTIVE: {
    message: '{experiment} has no objective, and a study of Optuna needs one',
    retryable: false,
    remedy: 'export it as json, csv or parquet; or give its context a metric and a direction',
  },
  // Functions by value
  CLOSURE_REFUSED: {
    message: '{path} cannot go to workers: {reason}; {remedy}',
    retryable: false,
    remedy: 'data, functions, classes, tensors and imports travel; all else is made where it is used',
  },
  CLOSURE_TOO_LARGE: {
    message: '{path} closes over {bytes} bytes of data, and {limit} may go along: {largest}',
    retryable: false,
    remedy: 'load the data in the dataset generator, which runs on the workers; or raise `limitBytes` of notebook()',
  },
  // Notebooks
  NOTEBOOK_INVALID: {
    message: 'the notebook is not valid: {path} {reason}',
    retryable: false,
    remedy: 'mend that; `maggy notebook FILE.ipynb` writes a notebook that is valid',
  },
  // Set-up
  SETUP_FAILED: { message: '{part}: {reason}', retryable: false, remedy: '`maggy doctor` says what is missing' },
  TFJS_MISSING: {
    message: 'tfjs-node cannot be loaded: {reason}',
    retryable: false,
    remedy: '`maggy doctor --fix` installs its native part',
  },
} as const satisfies Record<string, ErrorEntry>
