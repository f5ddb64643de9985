/** A certificate authority of one's own, and the certificate of a server that it signs. ECDSA on P-256, X.509 by @peculiar/x509. */
import 'reflect-metadata' // for @peculiar/x509
import { randomBytes, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

export interface CertificatePair {
  /** PEM. */
  readonly certificate: string
  readonly key: string
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 86_400_000
/** Clocks of other hosts may be behind. */
const skewMs = 3_600_000

// Its types are those of browsers, which are not ours; the objects are the same.
x509.cryptoProvider.set(webcrypto as never)

export async function makeAuthority(name: string, days: number): Promise<CertificatePair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...lifetime(days),
    name: `CN=${name}`,
    signingAlgorithm: algorithm,
    keys: keys as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate: pem(certificate), key: await privatePem(keys.privateKey) }
}

/** `hosts`: names and addresses by which clients reach the server. */
export async function makeServerCertificate(
  authority: CertificatePair,
  hosts: readonly string[],
  days: number,
): Promise<CertificatePair> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const issuer = new x509.X509Certificate(authority.certificate)
  const der = Buffer.from(authority.key.replaceAll(/-----[A-Z ]+-----|\s/g, ''), 'base64')
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
  const certificate = await x509.X509CertificateGenerator.create({
    ...lifetime(days),
    subject: `CN=${hosts[0] ?? 'maggy'}`,
    issuer: issuer.subject,
    publicKey: keys.publicKey as never,
    signingKey: signingKey as never,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      // Members of a cluster show it to each other, too.
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
      new x509.SubjectAlternativeNameExtension(
        hosts.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
    ],
  })
  return { certificate: pem(certificate), key: await privatePem(keys.privateKey) }
}

const lifetime = (days: number) => ({
  serialNumber: `01${randomBytes(15).toString('hex')}`,
  notBefore: new Date(Date.now() - skewMs),
  notAfter: new Date(Date.now() + days * dayMs),
})

const pem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem').trim()}\n`

async function privatePem(key: webcrypto.CryptoKey): Promise<string> {
  const text = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64')
  return `-----BEGIN PRIVATE KEY-----\n${text.replaceAll(/.{1,64}/g, '$&\n')}-----END PRIVATE KEY-----\n`
}
