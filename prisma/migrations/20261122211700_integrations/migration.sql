-- CreateTable
CREATE TABLE "integrations" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "rp_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "settings" JSONB NOT NULL,
    "number_mode" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "user_names" JSONB NOT NULL,
    "allowed_addresses" TEXT[] DEFAULT ARRAY[]::TEXT[],
    "policy" JSONB NOT NULL DEFAULT '{}',
    "ttl_seconds" INTEGER,
    "status" TEXT NOT NULL,
    "integration_key" TEXT,
    "revision" INTEGER NOT NULL DEFAULT 1,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "updated_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "uses" BIGINT NOT NULL DEFAULT 0,
    "last_used_at" TIMESTAMPTZ(6),
    "last_error_code" TEXT,
    "last_error_at" TIMESTAMPTZ(6),

    CONSTRAINT "integrations_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "integration_credentials" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "integration_id" TEXT NOT NULL,
    "secret_hash" BYTEA,
    "secret_sealed" BYTEA,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "expires_at" TIMESTAMPTZ(6),

    CONSTRAINT "integration_credentials_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE INDEX "integrations_id_idx" ON "integrations"("id");

-- CreateIndex
CREATE INDEX "integrations_integration_key_idx" ON "integrations"("integration_key");

-- CreateIndex
CREATE INDEX "integration_credentials_tenant_id_integration_id_idx" ON "integration_credentials"("tenant_id", "integration_id");

-- AddForeignKey
ALTER TABLE "integrations" ADD CONSTRAINT "integrations_tenant_id_rp_id_fkey" FOREIGN KEY ("tenant_id", "rp_id") REFERENCES "relying_parties"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "integration_credentials" ADD CONSTRAINT "integration_credentials_tenant_id_integration_id_fkey" FOREIGN KEY ("tenant_id", "integration_id") REFERENCES "integrations"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- Checks
ALTER TABLE "integrations" ADD CONSTRAINT "integrations_last_error_code_check" CHECK ((last_error_code is null) = (last_error_at is null));
ALTER TABLE "integrations" ADD CONSTRAINT "integrations_kind_check" CHECK ((kind = 'duo_auth_api') = (integration_key is not null));
ALTER TABLE "integrations" ADD CONSTRAINT "integrations_kind_check1" CHECK (kind in ('keycloak_ciba', 'duo_auth_api', 'wait'));
ALTER TABLE "integrations" ADD CONSTRAINT "integrations_number_mode_check" CHECK (number_mode in ('caller', 'none'));
ALTER TABLE "integrations" ADD CONSTRAINT "integrations_ttl_seconds_check" CHECK (ttl_seconds between 15 and 600);
ALTER TABLE "integrations" ADD CONSTRAINT "integrations_status_check" CHECK (status in ('active', 'paused'));
ALTER TABLE "integration_credentials" ADD CONSTRAINT "integration_credentials_secret_hash_check" CHECK ((secret_hash is null) <> (secret_sealed is null));
