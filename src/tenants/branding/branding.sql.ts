import type { Brand, Color } from '../../domain/branding.ts'
import type { TenantId } from '../../domain/ids.ts'
import type { Database } from '../../platform/postgres/database.ts'
import { recordAudit } from '../../platform/postgres/record.ts'
import { run, runOne, statement } from '../../platform/postgres/statement.ts'
import type { Random } from '../../platform/world.ts'
import type { Branding, BrandingStore, Logo } from './branding.store.ts'

type ByTenant = { readonly tenantId: TenantId }
export type BrandingRow = Pick<Branding, 'tenantId' | 'displayName' | 'help' | 'updatedAt'> & {
  readonly accentLight: Color
  readonly accentDark: Color
  readonly logoHeader: Brand['logo']
}

/** Of `brandings b`. */
export const brandingColumns = `b.tenant_id, b.display_name, b.accent_light, b.accent_dark, b.help,
  b.logo_header, b.updated_at`

const findBranding = statement<ByTenant, BrandingRow>(
  'find_branding',
  `select ${brandingColumns} from brandings b where b.tenant_id = :tenantId`,
)

const findLogo = statement<
  ByTenant,
  { readonly logoHeader: Brand['logo']; readonly logo: Uint8Array | null }
>('find_logo', 'select logo_header, logo from brandings where tenant_id = :tenantId')

const replaceBranding = statement<
  Omit<BrandingRow, 'updatedAt' | 'logoHeader'> & {
    readonly logoHeader: string | null
    readonly logo: Uint8Array | null
  },
  BrandingRow
>(
  'replace_branding',
  `insert into brandings as b (tenant_id, display_name, accent_light, accent_dark, help,
     logo_header, logo)
   values (:tenantId, :displayName, :accentLight, :accentDark, :help, :logoHeader::jsonb, :logo)
   on conflict (tenant_id) do update
   set display_name = excluded.display_name, accent_light = excluded.accent_light,
     accent_dark = excluded.accent_dark, help = excluded.help, logo_header = excluded.logo_header,
     logo = excluded.logo, updated_at = clock_timestamp()
   returning ${brandingColumns}`,
)

const removeBranding = statement<ByTenant, ByTenant>(
  'remove_branding',
  'delete from brandings where tenant_id = :tenantId returning tenant_id',
)

/** A branding from its row. */
export function toBranding({ accentLight, accentDark, logoHeader, ...row }: BrandingRow): Branding {
  return { ...row, accent: { light: accentLight, dark: accentDark }, logo: logoHeader }
}

/** How the pages of all tenants look. */
export function buildBrandingStore(database: Database, random: Pick<Random, 'id'>): BrandingStore {
  return {
    async find(tenantId) {
      const [row] = await run(database, findBranding, { tenantId })
      return row ? toBranding(row) : null
    },

    async findLogo(tenantId): Promise<Logo | null> {
      const [row] = await run(database, findLogo, { tenantId })
      if (!row?.logo || !row.logoHeader) return null
      const { type, hash } = row.logoHeader
      return { type, hash, bytes: row.logo }
    },

    replace: ({ tenantId, displayName, accent, help, logo }, bytes, actor) =>
      database.transaction(async (tx) => {
        const { light: accentLight, dark: accentDark } = accent
        const row = await runOne(tx, replaceBranding, {
          ...{ tenantId, displayName, accentLight, accentDark, help },
          logoHeader: logo && JSON.stringify(logo),
          logo: bytes,
        })
        const details = {
          ...{ displayName, accentLight, accentDark, help: help.length },
          ...(logo && { logo: logo.hash }),
        }
        const event = { type: 'branding_changed', actor, subject: tenantId, details } as const
        await recordAudit(tx, random, tenantId, event)
        return toBranding(row)
      }),

    remove: (tenantId, actor) =>
      database.transaction(async (tx) => {
        const rows = await run(tx, removeBranding, { tenantId })
        if (rows.length === 0) return null
        const event = { type: 'branding_removed', actor, subject: tenantId } as const
        await recordAudit(tx, random, tenantId, event)
        return 'done'
      }),
  }
}
