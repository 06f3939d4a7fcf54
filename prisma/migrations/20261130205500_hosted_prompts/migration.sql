-- CreateTable
CREATE TABLE "prompts" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "integration_id" TEXT NOT NULL,
    "browser_hash" BYTEA NOT NULL,
    "request" JSONB NOT NULL,
    "request_hash" BYTEA NOT NULL,
    "hint_hash" BYTEA,
    "user_name" TEXT,
    "language" TEXT NOT NULL,
    "round" SMALLINT NOT NULL DEFAULT 0,
    "number_sealed" BYTEA,
    "round_at" TIMESTAMPTZ(6),
    "round_until" TIMESTAMPTZ(6),
    "challenge_id" TEXT,
    "outcome" TEXT,
    "evidence" JSONB,
    "ended_at" TIMESTAMPTZ(6),
    "answered_at" TIMESTAMPTZ(6),
    "code_hash" BYTEA,
    "code_sealed" BYTEA,
    "code_used_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "expires_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "prompts_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "pushed_requests" (
    "tenant_id" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "integration_id" TEXT NOT NULL,
    "parameters" JSONB NOT NULL,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "pushed_requests_pkey" PRIMARY KEY ("tenant_id","hash")
);

-- CreateTable
CREATE TABLE "used_assertions" (
    "tenant_id" TEXT NOT NULL,
    "integration_id" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "used_assertions_pkey" PRIMARY KEY ("tenant_id","integration_id","hash")
);

-- CreateTable
CREATE TABLE "oidc_keys" (
    "tenant_id" TEXT NOT NULL,
    "kid" TEXT NOT NULL,
    "alg" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "certificate" BYTEA NOT NULL,
    "private_sealed" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "signs_from" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "oidc_keys_pkey" PRIMARY KEY ("tenant_id","kid")
);

-- CreateIndex
CREATE INDEX "prompts_expires_at_idx" ON "prompts"("expires_at");

-- CreateIndex
CREATE UNIQUE INDEX "prompts_tenant_id_integration_id_hint_hash_key" ON "prompts"("tenant_id", "integration_id", "hint_hash");

-- CreateIndex
CREATE UNIQUE INDEX "prompts_tenant_id_code_hash_key" ON "prompts"("tenant_id", "code_hash");

-- CreateIndex
CREATE INDEX "pushed_requests_tenant_id_integration_id_idx" ON "pushed_requests"("tenant_id", "integration_id");

-- CreateIndex
CREATE INDEX "pushed_requests_expires_at_idx" ON "pushed_requests"("expires_at");

-- CreateIndex
CREATE INDEX "used_assertions_expires_at_idx" ON "used_assertions"("expires_at");

-- AddForeignKey
ALTER TABLE "prompts" ADD CONSTRAINT "prompts_tenant_id_integration_id_fkey" FOREIGN KEY ("tenant_id", "integration_id") REFERENCES "integrations"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "pushed_requests" ADD CONSTRAINT "pushed_requests_tenant_id_integration_id_fkey" FOREIGN KEY ("tenant_id", "integration_id") REFERENCES "integrations"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "used_assertions" ADD CONSTRAINT "used_assertions_tenant_id_integration_id_fkey" FOREIGN KEY ("tenant_id", "integration_id") REFERENCES "integrations"("tenant_id", "id") ON DELETE CASCADE ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "oidc_keys" ADD CONSTRAINT "oidc_keys_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Checks
ALTER TABLE "integrations" DROP CONSTRAINT "integrations_kind_check1";
ALTER TABLE "integrations" ADD CONSTRAINT "integrations_kind_check1" CHECK (kind in ('keycloak_ciba', 'duo_auth_api', 'wait', 'entra_external_mfa', 'oidc_code'));
ALTER TABLE "prompts" ADD CONSTRAINT "prompts_outcome_check" CHECK ((outcome is null) = (ended_at is null));
ALTER TABLE "prompts" ADD CONSTRAINT "prompts_code_hash_check" CHECK ((code_hash is null) = (code_sealed is null));
ALTER TABLE "prompts" ADD CONSTRAINT "prompts_challenge_id_check" CHECK ((challenge_id is null) = (round = 0));
ALTER TABLE "prompts" ADD CONSTRAINT "prompts_round_check" CHECK (round between 0 and 2);
ALTER TABLE "prompts" ADD CONSTRAINT "prompts_outcome_check1" CHECK (outcome in ('approved', 'denied', 'reported', 'expired', 'cancelled', 'unavailable'));
ALTER TABLE "oidc_keys" ADD CONSTRAINT "oidc_keys_alg_check" CHECK (alg in ('RS256', 'ES256'));
