// What the tests use of the npm client of the Auth API, which brings no types.

declare module '@duosecurity/duo_api' {
  export class Client {
    constructor(ikey: string, skey: string, host: string, sigVersion?: 2 | 5)
    jsonApiCall(
      method: 'GET' | 'POST',
      path: string,
      params: Readonly<Record<string, string>>,
      // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect; a wrong shape fails them
      callback: (reply: any) => void,
    ): void
  }
}

declare module '@duosecurity/duo_api/lib/constants.js' {
  const constants: { DUO_PINNED_CERT: string }
  // biome-ignore lint/style/noDefaultExport: what CommonJS exports
  export default constants
}

declare module '@duosecurity/duo_api/lib/duo_sig.js' {
  type Params = Readonly<Record<string, string>>
  const signatures: {
    sign(
      ikey: string,
      skey: string,
      method: string,
      host: string,
      path: string,
      params: Params,
      date: string,
    ): string
    signV5(
      ikey: string,
      skey: string,
      method: string,
      host: string,
      path: string,
      params: Params,
      date: string,
      body: string,
    ): string
    _canonParams(params: Params): string
  }
  // biome-ignore lint/style/noDefaultExport: what CommonJS exports
  export default signatures
}
