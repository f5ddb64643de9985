"""Generated from protocol/error-table.ts by `npm run generate`. By code: message, whether it may be tried again, remedy."""

from __future__ import annotations

TABLE: dict[str, tuple[str, bool, str]] = {
    "BUS_NO_RESPONDERS": (
        "nobody answers on {subject}",
        True,
        "start the actor that answers it (`maggy driver`, `maggy optimizer`, `maggy worker`)",
    ),
    "BUS_TIMEOUT": (
        "no answer on {subject} within {ms} ms",
        True,
        "see whether the process that answers it still runs; the call may be repeated",
    ),
    "BUS_DISCONNECTED": (
        "the connection to {server} is down",
        True,
        "the client reconnects by itself; see that nats-server runs",
    ),
    "BUS_CLOSED": (
        "the connection is closed",
        False,
        "open a new one",
    ),
    "BUS_TOO_LARGE": (
        "a message of {bytes} bytes on {subject} is larger than the {limit} bytes the server takes",
        False,
        "raise max_payload in the server configuration, or send less",
    ),
    "BUS_CONFLICT": (
        "another writer appended to {subject} (expected sequence {expected})",
        False,
        "another driver owns this experiment now; nothing is lost",
    ),
    "BUS_SUPERSEDED": (
        "{subject} holds bytes of generation {held}, and these are of generation {generation}",
        False,
        "nothing needs to be done: what is there is newer",
    ),
    "BUS_FULL": (
        "the server has no room for {subject}: {reason}",
        True,
        "give its JetStream store more room, or delete experiments that are no longer needed (`maggy ls`, `maggy rm ID`, `maggy rm --older-than 30d`)",
    ),
    "BUS_REFUSED": (
        "the server refused {subject}: {reason}",
        True,
        "see the server's log",
    ),
    "BUS_FORBIDDEN": (
        "the permissions of this connection do not allow {subject}",
        False,
        "give credentials of the role that may do it (protocol/README.md, \"Who may do what\")",
    ),
    "BUS_UNREACHABLE": (
        "no server at {server}: {reason}",
        True,
        "start one with `maggy server`, or give its address with --server",
    ),
    "TOKEN_FILE_MISSING": (
        "there is no token file {file}",
        True,
        "name the one that the server says as it starts, with --token-file or MAGGY_TOKEN_FILE",
    ),
    "BUS_UNAUTHORIZED": (
        "the server {server} refused the credentials",
        False,
        "give the right token in the address (nats://TOKEN@host:port) or in MAGGY_TOKEN",
    ),
    "BUS_CREDENTIALS_EXPIRED": (
        "the credentials of {name} were valid until {at}",
        False,
        "have new ones made: `maggy auth add-… NAME` (the file is read again with each connection)",
    ),
    "BUS_CREDENTIALS_REVOKED": (
        "the server {server} does not take the credentials of {name}: they were revoked, or another authority made them",
        False,
        "have new ones made: `maggy auth add-… NAME`, or look for the file that belongs to this server",
    ),
    "BUS_CREDENTIALS_UNUSED": (
        "the server {server} asks for no credentials, so it is not the one that they are for",
        False,
        "give the address of the right server, or leave the credentials out",
    ),
    "BUS_SERVER_CHANGED": (
        "another server than last time answers at {server}: {now}; in {file} it is {before}",
        False,
        "see that it is the right one; then take its line out of that file",
    ),
    "BUS_TLS_REFUSED": (
        "no safe connection to {server}: {reason}",
        False,
        "give the certificate of the authority that signed the server's (--tls-ca), and the host name that is in it",
    ),
    "BUS_NO_LEADER": (
        "the cluster of {server} has no leader for {subject} now: {reason}",
        True,
        "it elects one within seconds where most of its members run; start those that are missing",
    ),
    "BUS_TOO_FEW_SERVERS": (
        "{server} cannot keep {replicas} copies of {stream}: {reason}",
        True,
        "start more members (`maggy server --cluster`), give them room, or ask for fewer copies (--replicas)",
    ),
    "BUS_NOT_SET_UP": (
        "nothing is kept on the server {server} yet",
        True,
        "start a driver first: it makes what is needed",
    ),
    "CREDENTIALS_INVALID": (
        "the credentials in {file} cannot be used: {reason}",
        False,
        "give the file that `maggy auth add-…` has made, readable by its owner alone (chmod 600)",
    ),
    "IDENTITY_DIFFERS": (
        "the credentials in {file} are for somebody else: {reason}",
        False,
        "give each actor the credentials that were made for it, and leave --id out: the name is in them",
    ),
    "AUTHORITY_INVALID": (
        "the authority in {folder}: {reason}",
        False,
        "make one with `maggy auth init FOLDER`, or give the folder of the one that there is with --dir",
    ),
    "BUS_NO_JETSTREAM": (
        "the server {server} has no JetStream",
        False,
        "start it with `maggy server`, or add a `jetstream {}` block to its configuration",
    ),
    "BUS_TOO_OLD": (
        "the server {server} is version {version}; {required} or later is needed",
        False,
        "`maggy doctor --fix` installs one, `maggy server` starts it",
    ),
    "BOARD_PORT_IN_USE": (
        "port {port} is in use, and the board cannot listen on it",
        False,
        "choose another with --port (0: any that is free)",
    ),
    "BOARD_READ_ONLY": (
        "this board only shows",
        False,
        "start it with --control",
    ),
    "BUS_PORT_IN_USE": (
        "port {port} is in use",
        False,
        "choose another with --port, or connect to the server that runs there with --server",
    ),
    "BUS_BUSY": (
        "the embedded bus in {directory} is in use by process {pid}",
        True,
        "wait for it, give another folder with --data, or start `maggy server` and share it with --server",
    ),
    "BUS_DATA_ALONE": (
        "the folder {directory} is of a server without a cluster: what it keeps ({streams}) would not be in the cluster",
        False,
        "begin with an empty folder (--data): the old server may run beside it, on another port; deploy/CLUSTER.md says how its experiments move",
    ),
    "BUS_DATA_CLUSTERED": (
        "the folder {directory} is of a member of a cluster: a server alone would keep there what the others never learn of",
        False,
        "start it with --cluster, --name and --routes as before, or name another folder (--data)",
    ),
    "MESSAGE_MALFORMED": (
        "a message on {subject} cannot be decoded: {reason}",
        False,
        "encode it as one msgpack map",
    ),
    "MESSAGE_INVALID": (
        "a message on {subject} is not valid: {path} {reason}",
        False,
        "see protocol/README.md for the schema of this subject",
    ),
    "MESSAGE_TOO_LARGE": (
        "a message on {subject} has {bytes} bytes; {limit} are the most",
        False,
        "say less at once: shorter texts, fewer names, fewer entries",
    ),
    "ANSWER_INVALID": (
        "the answer on {subject} is none: {reason}",
        False,
        "mend the actor that answers there; protocol/README.md has the schema of its replies",
    ),
    "VERSION_UNSUPPORTED": (
        "{subject} speaks another major version than {supported}",
        False,
        "run the same major version of maggy on both sides",
    ),
    "INTERNAL": (
        "internal error: {reason}",
        False,
        "please report it, with the log of the process that answered",
    ),
    "FILE_REFUSED": (
        "{path} cannot be used: {reason}",
        False,
        "see that it may be read and written, or name another (--data, --output, MAGGY_CACHE)",
    ),
    "DISK_FULL": (
        "there is no room on the disk for {path}",
        True,
        "make room, or name a folder on another disk (--data, --output, MAGGY_CACHE)",
    ),
    "FILES_EXHAUSTED": (
        "this process may not open any more files: {reason}",
        True,
        "raise the limit (`ulimit -n 4096`), or start fewer workers",
    ),
    "OPTION_INVALID": (
        "{option}: {reason}",
        False,
        "see --help",
    ),
    "ACTOR_FAILED": (
        "the {actor} beside the embedded bus ended {times} times within a minute: {reason}",
        False,
        "`maggy doctor` says what is missing; started by hand (`maggy {actor} --server …`) it shows its whole log",
    ),
    "MODULE_NOT_FOUND": (
        "there is no module {module}",
        False,
        "give the path of a TypeScript or JavaScript file",
    ),
    "MODULE_NOT_COMPILED": (
        "{module} does not compile:\n{reason}",
        False,
        "mend the lines named above",
    ),
    "MODULE_NOT_LOADED": (
        "{module} failed while it was loaded: {reason}",
        False,
        "the code outside of functions runs on import: mend it there",
    ),
    "NEVER_SETTLED": (
        "{what} never settles: nothing is left that could wake what it waits for",
        False,
        "look for a promise that is never resolved: an event that does not come, a stream that has ended, a callback that is not called",
    ),
    "EXPERIMENT_NOT_EXPORTED": (
        "{module} has no experiment as its default export",
        False,
        "end it with `export default defineExperiment(import.meta.url, { … })`",
    ),
    "EXPERIMENT_INVALID": (
        "the experiment is not valid: {path} {reason}",
        False,
        "see the documentation of defineExperiment",
    ),
    "EXPERIMENT_UNKNOWN": (
        "there is no experiment {experiment}",
        False,
        "`maggy ls` lists those that are known here",
    ),
    "TRIALS_TOO_FEW": (
        "{experiment} has {count} trials with a value that can be compared; to suggest a space takes {needed}",
        False,
        "`maggy resume {experiment} --trials +20` gives it more",
    ),
    "EXPERIMENT_UNOWNED": (
        "no driver has the experiment {experiment}: nothing of it runs",
        True,
        "`maggy resume {experiment}` goes on with it; a driver on its bus takes it up by itself",
    ),
    "CHANGE_REFUSED": (
        "{what} of {experiment} cannot be changed: {reason}",
        False,
        "begin another search that knows this one (`warmStart`), or change something else",
    ),
    "CHANGE_UNSIGNED": (
        "the change of {experiment} goes beyond what the key {key} has signed, and is not signed",
        False,
        "change it where that key is (`maggy resume --sign-key FILE`)",
    ),
    "CHANGE_STALE": (
        "the experiment {experiment} was changed by somebody else meanwhile",
        True,
        "nothing: what it is now is read, and the change is asked for again",
    ),
    "EXPERIMENT_PAUSED": (
        "the experiment {experiment} is paused: no trial of it is handed out",
        True,
        "`maggy resume {experiment}` goes on with it",
    ),
    "PAUSE_REFUSED": (
        "the experiment {experiment} cannot be paused: it is {state}",
        False,
        "nothing needs to be done: it hands out no more trials",
    ),
    "EXPERIMENT_EXISTS": (
        "the experiment {experiment} exists already, with another definition",
        False,
        "leave the id out, and a new one is made",
    ),
    "EXPERIMENT_BUSY": (
        "the experiment {experiment} is {doing} just now",
        True,
        "nothing: it is asked again in a moment",
    ),
    "LOG_HOLE": (
        "the log of {experiment} has a hole: {fault}",
        False,
        "`maggy show` says what is left of it; `maggy resume --force` goes on with that, and what became of the missing trials stays unknown",
    ),
    "LOG_UNANSWERED": (
        "nothing has said for {seconds} s that what was written on {subject} is kept",
        True,
        "its server is slow or out of reach, or its cluster elects a leader or lacks most of its members; it is asked until it answers",
    ),
    "LOG_POISONED": (
        "something wrote {entries} entries into the log of {experiment} that are none; they were stepped over",
        True,
        "nothing needs to be done for the experiment: let nobody but drivers publish on the subjects of logs",
    ),
    "FLEET_FULL": (
        "worker {worker} is not taken in: this driver knows {workers} workers with {slots} slots already",
        True,
        "see what announces so many workers; start another driver for more",
    ),
    "DRIVER_THERE": (
        "there is a driver named {driver} already",
        True,
        "give this one another name with --id, or none: then it gets one of its own",
    ),
    "WORKER_THERE": (
        "there is a worker named {worker} already",
        True,
        "give this one another name with --id, or none: then it gets one of its own; a worker has more slots with --slots",
    ),
    "DRIVER_FULL": (
        "driver {driver} has {experiments} experiments already",
        True,
        "wait until some have ended, or start another driver",
    ),
    "EXPERIMENT_GIVEN_UP": (
        "the experiment was given up after {failed} failed trials: {reason}",
        False,
        "see the first failed trial with `maggy logs`, or raise maxFailed",
    ),
    "NOTHING_DONE": (
        "none of the {trials} trials was done: {reason}",
        False,
        "see what they said with `maggy logs`; if time was short, allow more of it",
    ),
    "LAGOM_WITHIN_RUNNER": (
        "lagom was called while a worker loaded {module}",
        False,
        "call lagom in a module of its own, which imports the experiment",
    ),
    "CONTEXT_UNKNOWN": (
        "the experiment {experiment} has no context {context}; it has {known}",
        False,
        "name one of them, or add it under `contexts`",
    ),
    "CONTEXT_INVALID": (
        "{path} {reason}",
        False,
        "mend this option of the context",
    ),
    "STUDY_INVALID": (
        "study.{path} {reason}",
        False,
        "mend the study, or what the definition says of features, models, datasets and switches",
    ),
    "SPACE_INVALID": (
        "{path} {reason}",
        False,
        "mend this parameter of the search space",
    ),
    "HPARAMS_INVALID": (
        "{path} {reason}",
        False,
        "give a value inside the search space",
    ),
    "METRIC_MISSING": (
        "train returned no metric {metric}; it returned {returned}",
        False,
        "return {{metric}: number}, or name another metric in the context",
    ),
    "RESULT_INVALID": (
        "train returned {returned}",
        False,
        "return a finite number, or an object of finite numbers",
    ),
    "REPORT_INVALID": (
        "reporter.report got {reported}",
        False,
        "report a number, or an object of numbers, and a step that is a whole number",
    ),
    "REPORT_STEP_BACK": (
        "reporter.report got step {step} after step {last}",
        False,
        "steps never decrease within a trial; leave the step out to count by one",
    ),
    "CHECKPOINT_INVALID": (
        "checkpoint: {reason}",
        False,
        "save a LayersModel or a Uint8Array of at most 1 GiB, and read as model() what was saved as a model",
    ),
    "TRAIN_FAILED": (
        "train threw {reason}",
        False,
        "see the stack",
    ),
    "TRIAL_TIMEOUT": (
        "the trial took longer than {ms} ms",
        False,
        "raise trialTimeoutMs in the context, or do less in train",
    ),
    "TRIAL_UNRESPONSIVE": (
        "train went on for {ms} ms after it was told to stop, and was killed",
        False,
        "call reporter.report or look at reporter.signal in the loop",
    ),
    "RUNNER_CRASHED": (
        "the runner process ended ({reason}) while it ran the trial",
        True,
        "see the output of the trial; an out-of-memory shows as SIGKILL or SIGABRT",
    ),
    "RUNNER_OUT_OF_MEMORY": (
        "the trial ran out of memory ({reason})",
        True,
        "give it a worker with more memory for each slot (`maggy worker --memory`), or let it use less",
    ),
    "RESOURCES_MISSING": (
        "no worker has {wanted} for a slot; {nearest}",
        True,
        "start one that has (`maggy worker --memory`, `--gpus`, fewer `--slots`), or ask for less (`maggy resume --set resources=…`)",
    ),
    "MEMORY_MISSING": (
        "trial {trial} ran out of {memory} of memory, and {reason}",
        True,
        "start a worker with more memory for each slot: `maggy worker --memory`",
    ),
    "WORKER_LOST": (
        "worker {worker} was lost",
        True,
        "see the log of that worker",
    ),
    "WORKER_DRAINING": (
        "worker {worker} is leaving",
        True,
        "ask another worker",
    ),
    "SLOT_TAKEN": (
        "slot {slot} of worker {worker} is held by driver {holder}",
        True,
        "wait until it is released, or start more workers",
    ),
    "LEASE_UNKNOWN": (
        "worker {worker} knows no such lease on slot {slot}",
        True,
        "ask for a lease first",
    ),
    "SLOT_HANDS_BACK": (
        "slot {slot} of worker {worker} hands back what it is given without having begun it",
        True,
        "see the log of that worker; start it again",
    ),
    "SLOTS_TAKEN": (
        "other drivers ({drivers}) hold all {slots} slots that it could use",
        True,
        "start more workers with `maggy worker --server {server}`; it goes on when one falls free",
    ),
    "SLOTS_UNUSABLE": (
        "slot {slot} of worker {worker} cannot be used: {reason}",
        True,
        "see the log of that worker; it is tried again by itself",
    ),
    "ASSIGN_UNANSWERED": (
        "worker {worker} has not answered for {seconds} s that it takes trial {trial} ({reason})",
        True,
        "see the log of that worker; when it is found to be gone, the trial goes elsewhere",
    ),
    "RESULT_REFUSED": (
        "a result of trial {trial} from worker {worker} was refused: {reason}",
        True,
        "see that worker and driver are of the same version of maggy",
    ),
    "ATTEMPT_FOREIGN": (
        "worker {worker} speaks of attempt {attempt} at trial {trial} of {experiment}, which the log gave to {holder}",
        False,
        "nothing needs to be done: it does not count; see what speaks in the name of that worker",
    ),
    "SUGGESTION_MISSING": (
        "{suggester} has not answered for {seconds} s what to run next",
        True,
        "see the log of that process; when it is gone, another of its name is asked",
    ),
    "TRIALS_FINISHING": (
        "{experiment} is being stopped: trials that run may go on to their end ({trials} do)",
        True,
        "`maggy stop {experiment} --cancel` stops them now",
    ),
    "NOTHING_MOVES": (
        "nothing was suggested, assigned or ended for {seconds} s: {known}",
        True,
        "see the log of the driver; `maggy stop ID --cancel` ends the experiment",
    ),
    "DRIVER_FENCED": (
        "driver {driver} does not have the experiment {experiment} any more",
        True,
        "nothing needs to be done: what is said again, the driver that has it now takes",
    ),
    "ATTEMPTS_EXHAUSTED": (
        "the trial was tried {attempts} times; the last time: {reason}",
        False,
        "see the output of its attempts with `maggy logs`",
    ),
    "BUNDLE_MISSING": (
        "the code bundle {sha256} is not on the bus",
        False,
        "submit the experiment again",
    ),
    "BUNDLE_OUTDATED": (
        "the code bundle of {module} was made by another version of maggy",
        False,
        "submit the experiment again with this version, or run workers of the version that made it",
    ),
    "BUNDLE_CORRUPT": (
        "the code bundle {sha256} arrived with another hash",
        True,
        "submit the experiment again",
    ),
    "UPLOAD_UNKNOWN": (
        "the driver knows no upload {upload} that goes on at byte {offset}",
        True,
        "begin again at byte 0; the driver was started anew, or a part is missing",
    ),
    "CHECKPOINT_REFUSED": (
        "attempt {attempt} at trial {trial} is not with worker {worker}",
        False,
        "nothing needs to be done: the trial was given to another worker, or has ended",
    ),
    "ARTIFACT_INVALID": (
        "the artifact {name} cannot be saved: {reason}",
        False,
        "save a tfjs LayersModel, a Uint8Array or the path of a file: `await artifact.save('model', net)`; a name takes letters, digits, . _ and -",
    ),
    "ARTIFACT_REFUSED": (
        "attempt {attempt} at trial {trial} is not with worker {worker}",
        False,
        "nothing needs to be done: the trial was given to another worker, or has ended",
    ),
    "ARTIFACT_CORRUPT": (
        "the artifact {name} came with another hash than it has",
        True,
        "it is sent again; if this goes on, see that nobody writes into the file while it is saved",
    ),
    "ARTIFACT_MISSING": (
        "trial {trial} of {experiment} has no artifact {name}; it has {known}",
        False,
        "name one that is there: `maggy artifacts {experiment}` lists them",
    ),
    "MODEL_MISSING": (
        "trial {trial} of {experiment} saved no model; it saved {known}",
        False,
        "save it in train, and run again: `await artifact.save('model', net)`",
    ),
    "TRIAL_UNKNOWN": (
        "{experiment} has no trial {trial}",
        False,
        "`maggy show {experiment} --all` lists its trials",
    ),
    "BEST_UNKNOWN": (
        "{experiment} has no best trial: {reason}",
        False,
        "name the trial: --trial N (`maggy show {experiment}`)",
    ),
    "SOURCE_MISSING": (
        "the code of {experiment} is not on the bus: its workers have it",
        False,
        "look where its workers run",
    ),
    "EXPERIMENT_REMOVING": (
        "{experiment} is being removed",
        False,
        "`maggy rm {experiment}` goes on with it, where it was interrupted",
    ),
    "ANNOTATION_REFUSED": (
        "the note or tag cannot be given to {experiment}: {reason}",
        False,
        "take tags away first: `maggy tag {experiment} -TAG`",
    ),
    "EXPERIMENT_PINNED": (
        "{experiment} is pinned",
        False,
        "`maggy pin {experiment} --off` lets it go",
    ),
    "STORE_BUSY": (
        "the driver passes on as much code and as many checkpoints as it can now",
        True,
        "ask again later; more drivers share the experiments among them",
    ),
    "CODE_UNSIGNED": (
        "{experiment} is not signed, and worker {worker} runs signed code only",
        False,
        "make a key (`maggy key new`), add what `maggy key show` prints to the file that its workers have as --trust, start them again, and run the experiment again: it is signed then",
    ),
    "CODE_UNTRUSTED": (
        "{experiment} is signed by the key {key}, which worker {worker} does not trust",
        False,
        "add the line that `maggy key show` prints to the file that its workers have as --trust, and start them again; or sign with a key that is there (--sign-key)",
    ),
    "SIGNATURE_EXPIRED": (
        "the signature of {experiment} has expired ({at})",
        False,
        "`maggy resume {experiment}` signs it anew, with the key that it was signed with",
    ),
    "SIGNATURE_INVALID": (
        "the signature of {experiment} does not fit: {reason}",
        False,
        "what is to be run is not what was signed: find out who has changed it, and submit the experiment again",
    ),
    "KEY_REFUSED": (
        "the key file {path} cannot be used: {reason}",
        False,
        "nobody but its owner may read it (`chmod 600 {path}`); `maggy key new` makes another",
    ),
    "TRUST_REFUSED": (
        "the file of trusted keys {path} cannot be used: {reason}",
        False,
        "a line for each key, as `maggy key show` prints it: KEY NAME; nobody but its owner may write it (chmod 644)",
    ),
    "WORKERS_MISSING": (
        "no worker{wanted} has announced itself for {seconds} s",
        True,
        "start one: `maggy worker --server {server}`; the experiment goes on by itself",
    ),
    "DRIVER_MISSING": (
        "no driver answers",
        True,
        "start one: `maggy driver --server {server}`; nothing is lost meanwhile",
    ),
    "PACKAGE_MISSING": (
        "the package {specifier} is not installed here ({host})",
        False,
        "it cannot be shipped: install it where workers run, and start them in that folder",
    ),
    "OPTIMIZER_UNAVAILABLE": (
        "no optimizer named {optimizer} answers: {hint}",
        True,
        "your own is started as a process of its own",
    ),
    "OPTIMIZER_MISBEHAVED": (
        "the optimizer {optimizer} gave a wrong answer: {reason}",
        False,
        "mend the optimizer; hparams must lie inside the search space",
    ),
    "OPTIMIZER_UNFIT": (
        "the optimizer {optimizer} cannot take this: {path} {reason}",
        False,
        "choose another optimizer, or mend the space",
    ),
    "OPTIMIZER_BUSY": (
        "the optimizer {optimizer} has {waiting} questions about this experiment waiting",
        True,
        "ask again later; if it never answers, start it again",
    ),
    "ABLATOR_UNAVAILABLE": (
        "no ablator named {ablator} answers",
        True,
        "start one: `maggy ablator` has loco, pairs and greedy; your own is started as a process of its own",
    ),
    "ABLATOR_MISBEHAVED": (
        "the ablator {ablator} gave a wrong answer: {reason}",
        False,
        "mend the ablator; it names components of the study",
    ),
    "ABLATOR_UNFIT": (
        "the ablator {ablator} cannot take this: {path} {reason}",
        False,
        "choose another ablator, or mend its options",
    ),
    "ABLATOR_BUSY": (
        "the ablator {ablator} has {waiting} questions about this experiment waiting",
        True,
        "ask again later; if it never answers, start it again",
    ),
    "SURGERY_REFUSED": (
        "{layers} cannot be left out: {reason}",
        False,
        "leave out a group that goes together, or give a model generator of its own (study().models)",
    ),
    "ABLATION_IGNORED": (
        "{component} was to be left out, but {reason}: the trial would have been the base over again",
        False,
        "call the generator that train is given, look at `without` in it, or ask `ablated.has(name)` in train",
    ),
    "PRUNER_MISBEHAVED": (
        "the pruner {pruner} gave a wrong answer: {reason}",
        False,
        "mend the pruner; it answers 'continue' or 'stop'",
    ),
    "PRUNER_UNKNOWN": (
        "there is no pruner {pruner}; there are {known}",
        False,
        "name one of them",
    ),
    "RING_PEER_LOST": (
        "rank {rank} (worker {worker}) of ring {ring} does not answer any more",
        True,
        "nothing needs to be done: the ring goes on without it",
    ),
    "RING_STALE": (
        "generation {generation} of ring {ring} is over; it is at {current}",
        False,
        "nothing needs to be done: the member takes part in the newer generation, or is out",
    ),
    "RING_OUTSIDER": (
        "worker {worker} has no part in generation {generation} of ring {ring}",
        False,
        "nothing needs to be done, unless that worker should have: then its driver forms the next generation with it",
    ),
    "RING_PASSED": (
        "the ring has gone back to collective {next}, and this member, which was sent ahead, is at {collective}",
        True,
        "nothing needs to be done: the attempt begins anew",
    ),
    "RING_CHUNK_CORRUPT": (
        "chunk {chunk} was damaged on its way",
        True,
        "it is sent again; if this goes on, look at the memory and the network of both hosts",
    ),
    "RING_EARLY": (
        "rank {rank} has not come to step {step} yet, and has no room to keep a chunk of it",
        True,
        "nothing needs to be done: it is sent again",
    ),
    "RING_ABANDONED": (
        "generation {generation} of ring {ring} was given up",
        True,
        "nothing needs to be done: the next generation runs the step again",
    ),
    "RING_MISMATCH": (
        "rank {rank} reduces another vector than rank {otherRank}: {reason}",
        False,
        "all ranks must take the same steps in the same order: see that no branch in train depends on its data alone",
    ),
    "RING_DIVERGED": (
        "the members of ring {ring} are more than one step apart ({steps})",
        False,
        "resume from the last checkpoint; please report it",
    ),
    "RING_MEMBERS_MISSING": (
        "{there} of {wanted} workers, {missing} missing",
        True,
        "start as many with `maggy worker --server {server}`, or free some: the training goes on by itself",
    ),
    "RING_AWAITS": (
        "trial {trial}: {waiting} of {members} workers wait for {workers}, whose train has not come to the next step for {seconds} s",
        True,
        "it goes on by itself once that is done; `maggy logs` shows what train says, and `trialTimeoutMs` of the context ends a trial that never does",
    ),
    "RING_MANIFEST_DIFFERS": (
        "the models of the ranks differ: variable {index} is {variable} on rank {rank}, and {otherVariable} on rank {otherRank}",
        False,
        "the model generator must make the same model on every rank: it may depend on hparams only",
    ),
    "RING_REPLICAS_DIFFER": (
        "{when}: {variable} is not the same on rank {rank} and rank {otherRank}",
        False,
        "what train does to variables must be the same on every rank: seed what is random, take gradients by fit, minimize or variableGrads (those of tf.grad, tf.grads and tf.valueAndGrads are not averaged), and keep state that train makes by hand in tf.variable; deploy/TRAINING.md lists the causes",
    ),
    "RING_WEIGHTS_ELSEWHERE": (
        "train sets weights of {layer} that it read while it passed steps which were over before this worker came: it has never had them",
        True,
        "nothing needs to be done: the others go on without this worker; copies of what `model.getWeights()` gives, as tensors, are part of what a worker takes over",
    ),
    "RING_WEIGHTS_PASSED": (
        "train sets weights of {layer} that it read while it passed steps which were over before this worker came (or are older than the checkpoint that it went on from): nobody here has them",
        False,
        "keep copies of what `model.getWeights()` gives, as tensors, which are part of what a worker takes over; or `checkpoint.save(model)` as soon as it is the best one",
    ),
    "RING_DECISIONS_DIFFER": (
        "{when}: {what} is {value} on rank {rank}, and {otherValue} on rank {otherRank}",
        False,
        "let train decide on numbers that fit, evaluate or a History tells: these are the mean over all ranks; what a rank computes from its own data, from chance or from the clock differs",
    ),
    "RING_LOOPS_DIFFER": (
        "rank {rank} {doing}, while rank {otherRank} {otherDoing}",
        False,
        "every rank must compute and apply as many gradients as the others, and report as often: play a fixed number of moves, or add up the loss of a whole episode and compute one gradient of it; end a loop on numbers that fit or evaluate tells",
    ),
    "FITS_AT_ONCE": (
        "train begins a `fit` while another one runs: each worker would take their steps in another order",
        False,
        "await one `fit` before the next one begins (a `for` loop in the place of `Promise.all`); one that a callback of another awaits is in order",
    ),
    "TRAINING_OVER": (
        "train has returned, and what it has begun goes on training",
        False,
        "await every `fit` that train begins",
    ),
    "GRADIENT_NOT_FINITE": (
        "rank {rank}, step {step}: the gradient of {variable} holds {value}",
        False,
        "lower the learning rate or clip gradients; training({ nonFinite: 'skip' }) leaves such steps out",
    ),
    "GRADIENT_MISSING": (
        "train returned without ever computing a gradient of a variable, so there is nothing to train together",
        False,
        "train with model.fit, optimizer.minimize or tf.variableGrads; what only evaluates needs no training context",
    ),
    "DATASET_TOO_SMALL": (
        "the dataset has {samples} samples, and is to be cut in {shards} shards",
        False,
        "ask for fewer workers, or use more data",
    ),
    "DATASET_DIFFERS": (
        "the dataset generator did not give the same on all workers: {part} differs",
        False,
        "shuffle and draw inside the generator, with Math.random or tfjs: there it is the same on all workers. What comes from crypto, the clock, the module's own level or files that differ is not: seed it; or give each worker its own data (shard: 'own')",
    ),
    "DATASET_PART_EMPTY": (
        "{call}: the dataset was cut in {shards} shards, so that this worker has {has} of {whole} elements",
        False,
        "split the data in the dataset generator ({{ train, test }}: only train is cut), or by a share of its size",
    ),
    "JOURNAL_INVALID": (
        "{file} is no journal of Optuna: line {line} {reason}",
        False,
        "name a file that `optuna.storages.journal.JournalFileBackend` or `maggy export` wrote, or one that is not there yet",
    ),
    "MLFLOW_UNREACHABLE": (
        "MLflow at {url} does not answer: {reason}",
        True,
        "see that the server runs; what it lacks is sent when it is there again, or by `maggy export ID --mlflow URL`",
    ),
    "MLFLOW_REFUSED": (
        "MLflow at {url} refuses {path}: {reason}",
        False,
        "see what it says; credentials stand in the address (http://user:password@host) or in MLFLOW_TRACKING_TOKEN",
    ),
    "METRICS_PORT_UNUSABLE": (
        "metrics cannot be served on {host}, port {port}: {reason}",
        False,
        "choose another with --metrics-port and --metrics-host",
    ),
    "TOOL_NOT_ALLOWED": (
        "the tool {tool} changes something, and this server may only read",
        False,
        "ask the user to start the server as `maggy mcp --allow start,stop,note`, with what is to be allowed",
    ),
    "STUDY_WITHOUT_OBJECTIVE": (
        "{experiment} has no objective, and a study of Optuna needs one",
        False,
        "export it as json, csv or parquet; or give its context a metric and a direction",
    ),
    "CLOSURE_REFUSED": (
        "{path} cannot go to workers: {reason}; {remedy}",
        False,
        "data, functions, classes, tensors and imports travel; all else is made where it is used",
    ),
    "CLOSURE_TOO_LARGE": (
        "{path} closes over {bytes} bytes of data, and {limit} may go along: {largest}",
        False,
        "load the data in the dataset generator, which runs on the workers; or raise `limitBytes` of notebook()",
    ),
    "NOTEBOOK_INVALID": (
        "the notebook is not valid: {path} {reason}",
        False,
        "mend that; `maggy notebook FILE.ipynb` writes a notebook that is valid",
    ),
    "SETUP_FAILED": (
        "{part}: {reason}",
        False,
        "`maggy doctor` says what is missing",
    ),
    "TFJS_MISSING": (
        "tfjs-node cannot be loaded: {reason}",
        False,
        "`maggy doctor --fix` installs its native part",
    ),
}
