/** The process of an optimizer. */
import { runActor } from '../../src/actor/index.ts'
import { optimizer } from './optimizer.ts'

await runActor(optimizer)
