/** Text that came from outside, as it may stand on a terminal. */

/** Characters that would move the cursor, change colours or turn the direction of writing. */
// eslint-disable-next-line no-control-regex -- these are what is looked for
const unprintable = /[\u0000-\u001F\u007F-\u009F\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF]/g

const short: Readonly<Record<string, string>> = { '\t': '\\t', '\n': '\\n', '\r': '\\r', '\u001B': '\\e' }

/** The same for text of several lines. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n')
}

/**
 * Writes as an escape each character that would move the cursor, change colours or turn the direction of writing: `\e[2J`, `\u202e`. Line
 * breaks too, for a name or a line stands on one line.
 */
export function visible(text: string): string {
  return text.replaceAll(unprintable, (sign) => short[sign] ?? escaped(sign))
}

/** JSON that is the same to a program and does nothing to a terminal: JSON itself leaves C1 and marks of direction as they are. */
export function visibleJson(json: string): string {
  return json.replaceAll(unprintable, (sign) => (sign === '\n' ? sign : escaped(sign)))
}

const escaped = (sign: string): string => `\\u${(sign.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`
