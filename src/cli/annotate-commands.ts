/** `maggy note`, `maggy tag` and `maggy pin`: what people write on experiments. */
import { pinnedTag, problem, tagPattern } from '../../protocol/index.ts'
import { exitCodes } from '../actor/index.ts'
import { annotate, type Annotation } from '../client/index.ts'
import { readOutline } from '../store/index.ts'
import { visibleLines } from '../words/index.ts'
import { asking, looking, type Looking } from './looking.ts'
import { printJson } from './watch.ts'

/** Without a text: prints the notes that there are. */
export async function noteCommand(id: string, words: readonly string[], options: Looking): Promise<number> {
  const text = words.join(' ').trim()
  if (text !== '') {
    await give(id, { remark: text }, options)
    return exitCodes.done
  }
  const { remarks = [] } = await looking(options, ({ bus }) => readOutline(bus, id), id)
  if (options.json === true) for (const remark of remarks) printJson('note', { experiment: id, ...remark })
  else {
    const lines = remarks.map(({ at, text: said }) => `${new Date(at).toISOString()}  ${visibleLines(said)}`)
    process.stdout.write(`${lines.length === 0 ? 'no notes' : lines.join('\n')}\n`)
  }
  return exitCodes.done
}

/** `+a` or `a` gives a tag, `-a` takes it away; without any: prints those that there are. */
export async function tagCommand(id: string, changes: readonly string[], options: Looking): Promise<number> {
  if (changes.length === 0) {
    const { tags = [] } = await looking(options, ({ bus }) => readOutline(bus, id), id)
    sayTags(id, tags, options)
    return exitCodes.done
  }
  const untag = changes.filter((change) => change.startsWith('-')).map((change) => change.slice(1))
  const tag = changes.filter((change) => !change.startsWith('-')).map((change) => change.replace(/^\+/, ''))
  const wrong = [...tag, ...untag].find((one) => !new RegExp(tagPattern).test(one))
  if (wrong !== undefined) {
    const reason = `${JSON.stringify(wrong)} is none: letters, digits, _ . : / = and -, at most 64, and no sign first`
    throw problem('OPTION_INVALID', { option: 'tag', reason })
  }
  const both = tag.find((one) => untag.includes(one))
  if (both !== undefined) throw problem('OPTION_INVALID', { option: 'tag', reason: `${both} is given and taken away` })
  await give(id, { tag, untag }, options)
  return exitCodes.done
}

/** Pinned experiments survive all retention, and `maggy rm` refuses them. */
export async function pinCommand(id: string, options: Looking & { readonly off?: boolean }): Promise<number> {
  await give(id, options.off === true ? { untag: [pinnedTag] } : { tag: [pinnedTag] }, options)
  return exitCodes.done
}

async function give(id: string, annotation: Annotation, options: Looking): Promise<void> {
  const tags = await asking(
    options,
    async ({ bus }) => {
      // One that is unknown is told so by its log, whoever answers.
      await readOutline(bus, id)
      return await annotate(bus, id, annotation)
    },
    id,
  )
  if (annotation.remark === undefined) sayTags(id, tags, options)
  else if (options.json === true) printJson('note', { experiment: id, text: annotation.remark })
  else process.stdout.write(`${id}: noted\n`)
}

function sayTags(id: string, tags: readonly string[], { json }: Looking): void {
  if (json === true) printJson('tags', { experiment: id, tags })
  else process.stdout.write(`${id}: ${tags.join(' ') || 'no tags'}\n`)
}
