/** The few documents that are not drawn by the page's own program. */

const head = (title: string, more = '') =>
  `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><link rel="icon" href="data:,">${more}</head>`

/** The program draws the rest. */
export const indexPage = `${head('maggy', '<meta name="color-scheme" content="light dark"><link rel="stylesheet" href="/board.css"><script type="module" src="/board.js"></script>')}<body><div id="board"><noscript>The board needs JavaScript.</noscript></div></body></html>`

/**
 * The token is exchanged for a cookie that browsers send to pages of the board's own site only. Whoever came by a link on
 * another site has to be sent on from here.
 */
export const enterPage = `${head('maggy', '<meta http-equiv="refresh" content="0;url=/">')}<body>Opening the board …</body></html>`

/** `reason`: of our own words. */
export const refusedPage = (reason: string): string =>
  `${head('maggy: refused')}<body><h1>Refused</h1><p>${reason}</p></body></html>`
