/** `maggy worker` */
import { runActor } from '../../src/actor/index.ts'
import { workerActor } from './actor.ts'

await runActor(workerActor)
