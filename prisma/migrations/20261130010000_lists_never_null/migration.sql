-- A list without elements is empty, never null. Prisma reads a null list as an empty one and does
-- not compare whether a list may be null: test/persistence/lists-never-null.test.ts does.

UPDATE "relying_parties" SET "namespaces" = coalesce("namespaces", '{}') WHERE "namespaces" IS NULL;
UPDATE "api_keys" SET "scopes" = coalesce("scopes", '{}'), "allowed_addresses" = coalesce("allowed_addresses", '{}')
  WHERE "scopes" IS NULL OR "allowed_addresses" IS NULL;
UPDATE "integrations" SET "allowed_addresses" = coalesce("allowed_addresses", '{}') WHERE "allowed_addresses" IS NULL;
UPDATE "webhook_endpoints" SET "events" = coalesce("events", '{}') WHERE "events" IS NULL;
UPDATE "webhook_facts" SET "viewer_rp_ids" = coalesce("viewer_rp_ids", '{}') WHERE "viewer_rp_ids" IS NULL;

ALTER TABLE "relying_parties" ALTER COLUMN "namespaces" SET DEFAULT ARRAY[]::TEXT[],
ALTER COLUMN "namespaces" SET NOT NULL;
ALTER TABLE "api_keys" ALTER COLUMN "scopes" SET DEFAULT ARRAY[]::TEXT[],
ALTER COLUMN "scopes" SET NOT NULL,
ALTER COLUMN "allowed_addresses" SET NOT NULL;
ALTER TABLE "integrations" ALTER COLUMN "allowed_addresses" SET NOT NULL;
ALTER TABLE "webhook_endpoints" ALTER COLUMN "events" SET DEFAULT ARRAY[]::TEXT[],
ALTER COLUMN "events" SET NOT NULL;
ALTER TABLE "webhook_facts" ALTER COLUMN "viewer_rp_ids" SET DEFAULT ARRAY[]::TEXT[],
ALTER COLUMN "viewer_rp_ids" SET NOT NULL;
