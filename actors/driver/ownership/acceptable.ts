/**
 * Checks a submission beyond its schema, as the client does (src/experiment), for not every client is ours.
 * Throws CONTEXT_INVALID, SPACE_INVALID, STUDY_INVALID or PRUNER_UNKNOWN, with the path of the fault.
 */
import { problem, type OptimizationContext, type Submission } from '../../../protocol/index.ts'
import { createPruner } from '../../../src/pruners/index.ts'
import { fixedTo, validateSearchSpace } from '../../../src/space/index.ts'

export function requireAcceptable({ context }: Submission): void {
  const { objectives, pruner } = context
  const names = objectives.map(({ metric }) => metric)
  const twice = names.find((name, index) => names.indexOf(name) < index)
  if (twice !== undefined) throw invalid('objectives', `name the metric ${twice} twice`)
  if (context.kind === 'optimization') requireSearchable(context)
  else if (context.kind === 'ablation' && context.components.length === 0) {
    throw problem('STUDY_INVALID', { path: 'components', reason: 'are none: the client looks them up' })
  }
  if (pruner !== null) createPruner(pruner, objectives)
}

function requireSearchable({ space, enqueue = [], trials, hparams }: OptimizationContext): void {
  validateSearchSpace(space)
  const both = Object.keys(hparams).find((name) => Object.hasOwn(space, name))
  if (both !== undefined) throw invalid(`hparams.${both}`, 'is in the search space already')
  if (enqueue.length > trials) {
    throw invalid('enqueue', `has ${enqueue.length} entries, more than there are trials, which are ${trials}`)
  }
  for (const [index, entry] of enqueue.entries()) {
    const made = fixedTo(space, entry, `enqueue[${index}]`)
    if (made.kind === 'fault') throw invalid(made.fault.path, made.fault.reason)
  }
}

const invalid = (path: string, reason: string) => problem('CONTEXT_INVALID', { path, reason })
