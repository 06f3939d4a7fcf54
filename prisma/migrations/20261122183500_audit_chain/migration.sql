-- AlterTable
ALTER TABLE "activities" ADD COLUMN     "salt" BYTEA DEFAULT uuid_send(gen_random_uuid());

-- AlterTable
ALTER TABLE "audit_events" ADD COLUMN     "salt" BYTEA DEFAULT uuid_send(gen_random_uuid());

-- CreateTable
CREATE TABLE "audit_links" (
    "tenant_id" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "row_id" TEXT NOT NULL,
    "occurred_at" TIMESTAMPTZ(6) NOT NULL,
    "core_digest" TEXT NOT NULL,
    "details_digest" TEXT NOT NULL,
    "hash" TEXT NOT NULL,

    CONSTRAINT "audit_links_pkey" PRIMARY KEY ("tenant_id","seq")
);

-- CreateTable
CREATE TABLE "audit_chains" (
    "tenant_id" TEXT NOT NULL,
    "seq" BIGINT NOT NULL DEFAULT 0,
    "hash" TEXT NOT NULL DEFAULT '',
    "linked_through" TIMESTAMPTZ(6),
    "head_seq" BIGINT NOT NULL DEFAULT 0,
    "head_signed_at" TIMESTAMPTZ(6),

    CONSTRAINT "audit_chains_pkey" PRIMARY KEY ("tenant_id")
);

-- CreateTable
CREATE TABLE "audit_heads" (
    "tenant_id" TEXT NOT NULL,
    "seq" BIGINT NOT NULL,
    "jws" TEXT NOT NULL,
    "signed_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "audit_heads_pkey" PRIMARY KEY ("tenant_id","seq")
);

-- CreateIndex
CREATE UNIQUE INDEX "audit_links_tenant_id_row_id_key" ON "audit_links"("tenant_id", "row_id");

-- CreateIndex
CREATE INDEX "activities_tenant_id_occurred_at_idx" ON "activities"("tenant_id", "occurred_at");

-- CreateIndex
CREATE INDEX "audit_events_tenant_id_occurred_at_idx" ON "audit_events"("tenant_id", "occurred_at");

-- AddForeignKey
ALTER TABLE "audit_links" ADD CONSTRAINT "audit_links_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audit_chains" ADD CONSTRAINT "audit_chains_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audit_heads" ADD CONSTRAINT "audit_heads_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;
