import { createServer, type RequestListener } from 'node:http'
import { createServer as createRawServer, type Server } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { HttpConnection } from '../../bench/http-connection.ts'

async function listen(server: Server): Promise<HttpConnection> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on a port')
  const connection = new HttpConnection(`http://127.0.0.1:${address.port}`)
  onTestFinished(async () => {
    connection.close()
    await new Promise((resolve) => server.close(resolve))
  })
  return connection
}

function connectTo(handle: RequestListener): Promise<HttpConnection> {
  return listen(createServer(handle))
}

const get = { method: 'GET', target: '/', headers: {}, timeoutMs: 5_000 } as const

test('headers and body arrive as sent, and the response in full', async () => {
  const body = JSON.stringify({ name: 'Ada Lovelaçe' })
  const connection = await connectTo(async (request, response) => {
    let requestBody = ''
    for await (const chunk of request) requestBody += chunk
    const requestFacts = {
      url: request.url,
      key: request.headers.authorization,
      body: requestBody,
    }
    const text = JSON.stringify(requestFacts)
    response.writeHead(201, { 'content-length': Buffer.byteLength(text) }).end(text)
  })
  const headers = { authorization: 'Bearer k' }
  const reply = await connection.call({ ...get, method: 'POST', target: '/a?b=c', headers, body })
  expect(reply.status).toBe(201)
  expect(JSON.parse(reply.body)).toEqual({ url: '/a?b=c', key: 'Bearer k', body })
})

test('calls share one connection, with responses in pieces and without a body among them', async () => {
  const ports = new Set<number | undefined>()
  const connection = await connectTo((request, response) => {
    ports.add(request.socket.remotePort)
    if (request.url === '/none') return response.writeHead(204).end()
    response.writeHead(200, { 'content-length': 10 })
    response.write('12345')
    return setImmediate(() => response.end('67890'))
  })
  for (let call = 0; call < 3; call++) {
    expect(await connection.call(get)).toEqual({ status: 200, body: '1234567890' })
    expect(await connection.call({ ...get, target: '/none' })).toEqual({ status: 204, body: '' })
  }
  expect(ports.size).toBe(1)
})

test('a connection that the service closed is reopened', async () => {
  const connection = await connectTo((_request, response) => {
    response.writeHead(200, { 'content-length': 2, connection: 'close' }).end('ok')
  })
  for (let call = 0; call < 3; call++) expect((await connection.call(get)).body).toBe('ok')
})

test('a silent service, a lost one and one without Content-Length reject', async () => {
  const silent = await connectTo(() => undefined)
  await expect(silent.call({ ...get, timeoutMs: 20 })).rejects.toThrow('no answer in 20 ms')
  const closingServer = await listen(
    createRawServer((socket) => socket.once('data', () => socket.end())),
  )
  await expect(closingServer.call(get)).rejects.toThrow('closed the connection')
  const chunkedConnection = await connectTo((_request, response) => {
    response.write('a')
    response.end('b')
  })
  await expect(chunkedConnection.call(get)).rejects.toThrow('without Content-Length')
  const absent = new HttpConnection('http://127.0.0.1:1')
  await expect(absent.call(get)).rejects.toThrow('ECONNREFUSED')
})

test('a second concurrent call is rejected', async () => {
  const connection = await connectTo((_request, response) => {
    response.writeHead(200, { 'content-length': 2 }).end('ok')
  })
  const first = connection.call(get)
  await expect(connection.call(get)).rejects.toThrow('busy')
  expect((await first).body).toBe('ok')
})
