/** The trials that were chosen, side by side: what differs between them, and what they came to. */
import type { PartProps } from './search.tsx'
import { duration, number, value as valueText } from '../words.ts'
import { Pill } from './pieces.tsx'
import { link } from './route.ts'
import { change } from './view-state.ts'

export function Compare({ store, standing, derived }: PartProps) {
  const { trials } = store
  const places = [...derived.chosen].flatMap((trial) => trials.place(trial) ?? [])
  if (places.length === 0) return null
  const names = [...trials.hparams.keys()]
  const differs = (name: string) =>
    new Set(places.map((place) => JSON.stringify(trials.at(`hparams.${name}`, place)))).size > 1
  const different = names.filter(differs)
  const alike = places.length < 2 ? [] : names.filter((name) => !differs(name))
  const shown = places.length < 2 ? names : different
  const row = (title: string, text: (place: number) => string, strong = false) => (
    <tr key={title} class={strong ? 'best' : ''}>
      <th scope="row">{title}</th>
      {places.map((place) => (
        <td key={place} class="number">
          {text(place)}
        </td>
      ))}
    </tr>
  )
  return (
    <section class="panel wide" aria-label="Compare">
      <header class="panel-head">
        <h2>Compare {places.length === 1 ? 'a trial' : `${places.length} trials`}</h2>
        <div class="tools">
          <button type="button" class="toggle" onClick={() => change({ chosen: [] })}>
            let go
          </button>
        </div>
      </header>
      {alike.length > 0 && (
        <p class="note">
          Alike in all:{' '}
          {alike.map((name) => `${name} ${valueText(trials.at(`hparams.${name}`, places[0] as number))}`).join(', ')}.
        </p>
      )}
      <div class="table-frame auto" tabIndex={0} role="region" aria-label="Comparison, a table that scrolls">
        <table>
          <thead>
            <tr>
              <th scope="col">
                <span class="hidden">what</span>
              </th>
              {places.map((place) => (
                <th key={place} scope="col" class="number">
                  <a href={link('x', standing.experiment, 'trial', trials.number(place))}>
                    trial {trials.number(place)}
                  </a>{' '}
                  <Pill state={trials.state(place)} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[...trials.metrics.keys()].map((name) =>
              row(name, (place) => number(trials.metrics.get(name)?.[place]), name === derived.objective?.metric),
            )}
            {shown.map((name) => row(name, (place) => valueText(trials.at(`hparams.${name}`, place))))}
            {row('took', (place) => {
              const ms = trials.at('durationMs', place)
              return duration(typeof ms === 'number' ? ms : null)
            })}
          </tbody>
        </table>
      </div>
    </section>
  )
}
