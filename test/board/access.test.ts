import { describe, expect, it } from 'vitest'
import { admit, bearerIn, cookieFor, cookieName } from '../../src/board/access.ts'

const access = { token: 'secret', port: 4223, hosts: ['maggy.example'] }
const cookie = cookieFor(access).split(';')[0]
const asking = {
  host: '127.0.0.1:4223',
  origin: undefined,
  site: undefined,
  cookie,
  token: undefined,
  bearer: undefined,
}

describe('the board lets in', () => {
  it.each([
    ['a browser with its cookie', asking],
    ['the same by another name of loopback', { ...asking, host: 'localhost:4223' }],
    ['the same by an allowed name, with or without the port', { ...asking, host: 'maggy.example' }],
    ['its own page', { ...asking, origin: 'http://127.0.0.1:4223', site: 'same-origin' }],
    ['a program with the token in a header', { ...asking, cookie: undefined, bearer: 'secret' }],
    ['its cookie among others', { ...asking, cookie: `a=b; ${cookie}; c=d` }],
  ])('%s', (_, given) => {
    expect(admit(access, given)).toEqual({ kind: 'allowed' })
  })

  it('whoever has the token, also by a link on another site', () => {
    expect(admit(access, { ...asking, cookie: undefined, site: 'cross-site', token: 'secret' })).toEqual({
      kind: 'enter',
    })
  })
})

describe('the board refuses', () => {
  it.each([
    [421, 'a name that is not its own', { ...asking, host: 'evil.example:4223' }],
    [421, 'its name at another port', { ...asking, host: '127.0.0.1:80' }],
    [421, 'a request without a host', { ...asking, host: undefined }],
    [421, 'the token under another name', { ...asking, host: 'evil.example:4223', token: 'secret' }],
    [403, 'a page of another origin', { ...asking, origin: 'http://evil.example' }],
    [403, 'a page without an origin of its own', { ...asking, origin: 'null' }],
    [403, 'another port of the same host', { ...asking, origin: 'http://127.0.0.1:8000' }],
    [403, 'another site', { ...asking, site: 'cross-site' }],
    [403, 'a subdomain of the same site', { ...asking, site: 'same-site' }],
    [401, 'a browser without a cookie', { ...asking, cookie: undefined }],
    [401, 'the cookie of another board', { ...asking, cookie: cookieFor({ ...access, token: 'other' }) }],
    [401, 'the token in the cookie’s place', { ...asking, cookie: `${cookieName(4223)}=secret` }],
    [401, 'a program with another token', { ...asking, cookie: undefined, bearer: 'wrong' }],
    [421, 'a program that asks for another name', { ...asking, host: 'evil.example', bearer: 'secret' }],
    [403, 'a page of another origin with the token in a header', { ...asking, origin: 'null', bearer: 'secret' }],
    [401, 'a wrong token', { ...asking, token: 'wrong' }],
  ])('with %i %s', (status, _, given) => {
    expect(admit(access, given)).toMatchObject({ kind: 'refused', status })
  })
})

it('a token is read from a header as programs write it', () => {
  expect(['Bearer abc', 'bearer  abc ', 'Basic abc', 'Bearer', 'Bearer a b', undefined].map(bearerIn)).toEqual([
    'abc',
    'abc',
    ...Array<undefined>(4).fill(undefined),
  ])
})

it('the cookie is for this site only, and no script reads it', () => {
  expect(cookieFor(access)).toMatch(/^maggy-board-4223=[0-9a-f]{64}; Path=\/; HttpOnly; SameSite=Strict$/)
})
