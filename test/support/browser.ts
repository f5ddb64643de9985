/** A real Chromium for tests: the one out of npm, or one that this host has. */
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium, type Browser, type Page } from 'playwright-core'
import { packageRoot } from '../../src/actor/index.ts'

/** Screenshots for people; the folder is no part of the repository. */
export const screenshots = join(packageRoot(), '.maggy', 'screenshots')

// What it needs as root in a container, and on a host without a graphics card.
const args = ['--no-sandbox', '--no-zygote', '--disable-gpu', '--use-angle=swiftshader', '--disable-dev-shm-usage']
const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** undefined, with the reasons: there is none that starts. */
export async function startBrowser(): Promise<{ readonly browser: Browser } | { readonly missing: string }> {
  const reasons: string[] = []
  for (const find of [packed, installed]) {
    try {
      return { browser: await chromium.launch({ executablePath: await find(), args, headless: true }) }
    } catch (error) {
      reasons.push(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
    }
  }
  return { missing: reasons.join('; ') }
}

async function packed(): Promise<string> {
  return await (await import('@sparticuz/chromium')).default.executablePath()
}

function installed(): Promise<string> {
  for (const name of names) {
    try {
      return Promise.resolve(
        execFileSync('which', [name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim(),
      )
    } catch {
      continue
    }
  }
  return Promise.reject(new Error(`none of ${names.join(', ')} is on the PATH`))
}

/** All that a page complains of: errors on its console, exceptions, requests that failed or went elsewhere. */
export function complaintsOf(page: Page, origin: string): string[] {
  const complaints: string[] = []
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(error.stack ?? error.message))
  page.on('request', (request) => {
    const url = request.url()
    if (!url.startsWith(`${origin}/`) && !url.startsWith('data:') && !url.startsWith('blob:'))
      complaints.push(`asked for ${url}`)
  })
  return complaints
}

/** A picture of all of it, for people. */
export async function shoot(page: Page, name: string): Promise<void> {
  mkdirSync(screenshots, { recursive: true })
  await page.screenshot({ path: join(screenshots, `${name}.png`), fullPage: true })
}
