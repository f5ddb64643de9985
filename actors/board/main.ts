#!/usr/bin/env node
/** `maggy board`, as a process. */
import { runActor } from '../../src/actor/index.ts'
import { board } from './board.ts'

await runActor(board)
