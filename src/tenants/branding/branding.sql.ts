import type { Brand, Color } from '../../domain/branding.ts'
import type { TenantId } from '../../domain/ids.ts'
import type { Database } from '../../platform/postgres/database.ts'
import { recordAudit } from '../../platform/postgres/record.ts'
import { run, runOne, statement } from '../../platform/postgres/statement.ts'
import type { Random } from '../../platform/world.ts'
import type { Branding, BrandingStore, Logo, TenantLook } from './branding.store.ts'

type ByTenant = { readonly tenantId: TenantId }
type BrandingRow = Pick<Branding, 'tenantId' | 'displayName' | 'help' | 'updatedAt'> & {
  readonly accentLight: Color
  readonly accentDark: Color
  readonly logoHeader: Brand['logo']
}

const columns = `tenant_id, display_name, accent_light, accent_dark, help, logo_header, updated_at`

const findBranding = statement<ByTenant, BrandingRow>(
  'find_branding',
  `select ${columns} from brandings where tenant_id = :tenantId`,
)

type LookRow = {
  readonly [Column in keyof BrandingRow]: BrandingRow[Column] | null
} & Pick<TenantLook, 'tenantName'>

const findLook = statement<ByTenant, LookRow>(
  'find_look',
  `select t.name as tenant_name, b.tenant_id, b.display_name, b.accent_light, b.accent_dark, b.help,
     b.logo_header, b.updated_at
   from tenants t left join brandings b on b.tenant_id = t.tenant_id
   where t.tenant_id = :tenantId`,
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
  `insert into brandings (tenant_id, display_name, accent_light, accent_dark, help, logo_header,
     logo)
   values (:tenantId, :displayName, :accentLight, :accentDark, :help, :logoHeader::jsonb, :logo)
   on conflict (tenant_id) do update
   set display_name = excluded.display_name, accent_light = excluded.accent_light,
     accent_dark = excluded.accent_dark, help = excluded.help, logo_header = excluded.logo_header,
     logo = excluded.logo, updated_at = clock_timestamp()
   returning ${columns}`,
)

const removeBranding = statement<ByTenant, ByTenant>(
  'remove_branding',
  'delete from brandings where tenant_id = :tenantId returning tenant_id',
)

function toBranding({ accentLight, accentDark, logoHeader, ...row }: BrandingRow): Branding {
  return { ...row, accent: { light: accentLight, dark: accentDark }, logo: logoHeader }
}

// None of the columns of a branding is null but the logo, so one tells whether there is a branding.
const isBranding = (row: Omit<LookRow, 'tenantName'>): row is BrandingRow => row.tenantId !== null

/** How the pages of all tenants look. */
export function buildBrandingStore(database: Database, random: Pick<Random, 'id'>): BrandingStore {
  return {
    async find(tenantId) {
      const [row] = await run(database, findBranding, { tenantId })
      return row ? toBranding(row) : null
    },

    async findLook(tenantId) {
      const [row] = await run(database, findLook, { tenantId })
      if (!row) return null
      const { tenantName, ...look } = row
      return { tenantName, brand: isBranding(look) ? toBranding(look) : null }
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
