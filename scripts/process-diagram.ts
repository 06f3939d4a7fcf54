// The processes of an installation, its stores, and whom they talk to, in Mermaid. The roles are
// those of the configuration, which does not compile with one that is not described here.

import { type Role, roles } from '../src/service/config-variables.ts'

const workOfRole: Readonly<Record<Role, string>> = {
  api: 'answers requests, sends first pushes',
  worker: 'retries, expires, webhooks, callbacks,<br>audit chain, retention',
  all: 'both',
}

/** One picture of processes and stores. */
export function processDiagram(): string {
  const ofRoles = roles.map((role) => `    ${role}["ROLE=${role}<br>${workOfRole[role]}"]`)
  return [
    'flowchart TB',
    '  rp["relying parties<br>/v1, doors"]',
    '  phone["phones<br>/device/v1"]',
    '  browser["browsers<br>portal, enrollment page"]',
    '  proxy["your proxy<br>ends TLS"]',
    '  subgraph own["Countersign: one process, or any number of each"]',
    ...ofRoles,
    '  end',
    '  db[("PostgreSQL<br>the only store")]',
    '  redis[("Redis, if REDIS_URL<br>signals only")]',
    '  log["revocation log, standard output<br>outside the database"]',
    '  key["MASTER_KEY<br>seals what is secret"]',
    '  makers["APNs, FCM, push services<br>of browsers"]',
    '  out["webhook endpoints,<br>realms of Keycloak"]',
    '  rp --> proxy',
    '  phone --> proxy',
    '  browser --> proxy',
    '  proxy --> own',
    '  own -- "rows, locks, leases, NOTIFY" --> db',
    '  own -. "read again" .-> redis',
    '  own -- "a line for each revocation" --> log',
    '  key --> own',
    '  own -- "ids and a generic text" --> makers',
    '  makers -. "wakes" .-> phone',
    '  own -- "worker, all: signed events" --> out',
  ].join('\n')
}
