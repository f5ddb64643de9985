/** The frame around all pages. */
import type { ComponentChildren } from 'preact'
import { ExperimentPage } from './experiment.tsx'
import { FleetPage } from './fleet.tsx'
import { Home } from './home.tsx'
import { Empty } from './pieces.tsx'
import { link, route } from './route.ts'
import { reported, source, writtenAt } from './source.ts'
import { connection, status } from './stream.ts'
import { theme, turnTheme } from './theme.ts'

export function App() {
  return (
    <>
      <a class="skip" href="#main" onClick={toMain}>
        To the content
      </a>
      <header class="top">
        <a class="brand" href={link()}>
          maggy
        </a>
        <nav aria-label="Pages">
          {source.kind === 'live' && (
            <>
              <NavLink to={link()} on={route.value.path.length === 0}>
                Experiments
              </NavLink>
              <NavLink to={link('fleet')} on={route.value.path[0] === 'fleet'}>
                Fleet
              </NavLink>
            </>
          )}
        </nav>
        <div class="top-end">
          <Standing />
          <button
            type="button"
            class="icon"
            onClick={turnTheme}
            aria-label={theme.value === 'dark' ? 'Light colours' : 'Dark colours'}
            title="Light or dark"
          >
            {theme.value === 'dark' ? '☀' : '☾'}
          </button>
        </div>
      </header>
      <Trouble />
      <main id="main" tabIndex={-1}>
        <Page />
      </main>
    </>
  )
}

function toMain(event: Event): void {
  event.preventDefault()
  document.getElementById('main')?.focus()
}

function NavLink({
  to,
  on,
  children,
}: {
  readonly to: string
  readonly on: boolean
  readonly children: ComponentChildren
}) {
  return (
    <a href={to} class={on ? 'on' : ''} {...(on ? { 'aria-current': 'page' as const } : {})}>
      {children}
    </a>
  )
}

function Page() {
  const [first, id, ...rest] = route.value.path
  if (reported !== null) return <ExperimentPage key={reported} id={reported} rest={first === 'x' ? rest : []} />
  if (first === undefined) return <Home />
  if (first === 'fleet') return <FleetPage />
  if (first === 'x' && id !== undefined) return <ExperimentPage key={id} id={id} rest={rest} />
  return (
    <Empty title="There is no such page">
      <p>
        <a href={link()}>All experiments</a>
      </p>
    </Empty>
  )
}

function Standing() {
  if (writtenAt !== null) return <span class="live report">report of {new Date(writtenAt).toLocaleString()}</span>
  const live = connection.value === 'live' && status.value?.bus !== 'disconnected'
  return (
    <span class={live ? 'live' : 'live off'} role="status">
      <span class="dot" aria-hidden="true" />
      {live ? 'live' : connection.value === 'connecting' ? 'connecting' : 'not live'}
    </span>
  )
}

/** Names the problem and the remedy. */
function Trouble() {
  if (connection.value === 'refused') {
    return (
      <Banner>
        This board was started anew, with another token. Open the address that it printed, or start it with the same
        --board-token.
      </Banner>
    )
  }
  if (connection.value === 'away') {
    return (
      <Banner>
        No connection to the board. What you see is what it said last; the page goes on by itself as soon as the board
        answers (start it again with `maggy board`).
      </Banner>
    )
  }
  if (status.value?.bus === 'disconnected') {
    return (
      <Banner>
        The board has no connection to the bus {status.value.server}. It goes on by itself once nats-server runs again;
        nothing is lost.
      </Banner>
    )
  }
  return null
}

function Banner({ children }: { readonly children: ComponentChildren }) {
  return (
    <div class="banner bad" role="alert">
      {children}
    </div>
  )
}
