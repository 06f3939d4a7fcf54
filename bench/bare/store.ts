import type { JsonWebKey } from 'node:crypto'
import pg from 'pg'

export type DeviceRow = {
  readonly id: string
  readonly userId: string
  readonly pushToken: string
  readonly possession: JsonWebKey
  readonly verification: JsonWebKey
}

export type NewChallenge = {
  readonly id: string
  readonly deviceId: string
  readonly payload: string
  readonly requestHash: string
  readonly nonce: string
  readonly number: string
  readonly expires: number
}

export type Answer = Pick<NewChallenge, 'id' | 'deviceId' | 'nonce' | 'requestHash' | 'number'> & {
  readonly status: 'approved' | 'denied'
  readonly jws: string
}

export type ChallengeRow = {
  readonly id: string
  readonly userId: string
  readonly deviceId: string
  readonly status: 'pending' | Answer['status']
}

/** As many as the service has by default. */
const connections = 16

const tables = `
  create table devices (id text primary key, user_id text not null unique, status text not null,
    push_token text not null, possession jsonb not null, verification jsonb not null);
  create table challenges (id text primary key, user_id text not null,
    device_id text not null references devices, status text not null, payload text not null,
    request_hash text not null, nonce text not null, number text not null,
    created_at timestamptz not null default clock_timestamp(), expires_at timestamptz not null,
    decided_at timestamptz, answer text);
  create index challenges_pending on challenges (device_id) where status = 'pending'`

const addDevice = `insert into devices values ($1, $2, 'active', $3, $4, $5)`

const create = `
  insert into challenges
    (id, user_id, device_id, status, payload, request_hash, nonce, number, expires_at)
  select $1, d.user_id, d.id, 'pending', $3, $4, $5, $6, to_timestamp($7)
  from devices d where d.id = $2 and d.status = 'active'
  returning id`

const pending = `select c.id, c.payload from challenges c join devices d on d.id = c.device_id
  where c.device_id = $1 and c.status = 'pending' and c.expires_at > clock_timestamp()
    and d.status = 'active'
  order by c.created_at desc limit 50`

const columns = `c.id, c.user_id as "userId", c.device_id as "deviceId", c.status`

const decide = `update challenges c set status = $3, decided_at = clock_timestamp(), answer = $7
  from devices d
  where c.id = $1 and c.device_id = $2 and c.status = 'pending' and d.id = $2
    and d.status = 'active' and c.nonce = $4 and c.request_hash = $5 and c.number = $6
    and c.expires_at > clock_timestamp()
  returning ${columns}`

const find = `select ${columns} from challenges c where c.id = $1`

export type Store = Awaited<ReturnType<typeof openStore>>

/** Creates the tables. Every call is one prepared statement in a transaction of its own. */
export async function openStore(url: string) {
  const options = '-c plan_cache_mode=force_generic_plan'
  const pool = new pg.Pool({ connectionString: url, max: connections, options })
  // Without a listener the end of the database would be an uncaught exception.
  pool.on('error', () => undefined)
  await pool.query(tables)
  const query = async <Row extends pg.QueryResultRow>(
    name: string,
    text: string,
    values: unknown[],
  ) => (await pool.query<Row>({ name, text, values })).rows
  return {
    addDevice: async (row: DeviceRow) => {
      const keys = [row.possession, row.verification]
      await query('add_device', addDevice, [row.id, row.userId, row.pushToken, ...keys])
    },
    /** False when the device is not active. */
    create: async (challenge: NewChallenge) => {
      const { id, deviceId, payload, requestHash, nonce, number, expires } = challenge
      const values = [id, deviceId, payload, requestHash, nonce, number, expires]
      return (await query('create', create, values)).length === 1
    },
    pending: (deviceId: string) =>
      query<{ id: string; payload: string }>('pending', pending, [deviceId]),
    /** Undefined when the challenge is not the device's, is over, or was answered before. */
    decide: async ({ id, deviceId, status, nonce, requestHash, number, jws }: Answer) => {
      const values = [id, deviceId, status, nonce, requestHash, number, jws]
      return (await query<ChallengeRow>('decide', decide, values))[0]
    },
    find: async (id: string) => (await query<ChallengeRow>('find', find, [id]))[0],
    close: () => pool.end(),
  }
}
