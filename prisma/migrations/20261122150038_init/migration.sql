-- CreateTable
CREATE TABLE "tenants" (
    "tenant_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "policy" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "tenants_pkey" PRIMARY KEY ("tenant_id")
);

-- CreateTable
CREATE TABLE "signing_keys" (
    "tenant_id" TEXT NOT NULL,
    "kid" TEXT NOT NULL,
    "seq" INTEGER NOT NULL,
    "status" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "private_sealed" BYTEA NOT NULL,
    "link_jws" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "signing_keys_pkey" PRIMARY KEY ("tenant_id","kid")
);

-- CreateTable
CREATE TABLE "relying_parties" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "namespaces" TEXT[],
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "relying_parties_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "api_keys" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "rp_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "secret_hash" BYTEA NOT NULL,
    "scopes" TEXT[],
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "expires_at" TIMESTAMPTZ(6),
    "revoked_at" TIMESTAMPTZ(6),
    "last_used_at" TIMESTAMPTZ(6),

    CONSTRAINT "api_keys_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "users" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "display_name" TEXT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "users_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "user_identifiers" (
    "tenant_id" TEXT NOT NULL,
    "namespace" TEXT NOT NULL,
    "value" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,

    CONSTRAINT "user_identifiers_pkey" PRIMARY KEY ("tenant_id","namespace","value")
);

-- CreateTable
CREATE TABLE "enrolments" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "rp_id" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "reason" TEXT,
    "code_hash" BYTEA NOT NULL,
    "typed_code_hash" BYTEA NOT NULL,
    "code_tries_left" SMALLINT NOT NULL,
    "number_sealed" BYTEA,
    "wrong_numbers_left" SMALLINT NOT NULL,
    "confirmation_required" BOOLEAN NOT NULL,
    "replaces_device_id" TEXT,
    "device_id" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "expires_at" TIMESTAMPTZ(6) NOT NULL,
    "claimed_at" TIMESTAMPTZ(6),
    "ended_at" TIMESTAMPTZ(6),

    CONSTRAINT "enrolments_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "devices" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "enrolment_id" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "platform" TEXT NOT NULL,
    "model" TEXT NOT NULL,
    "os_version" TEXT NOT NULL,
    "app_id" TEXT NOT NULL,
    "app_version" TEXT NOT NULL,
    "push_provider" TEXT,
    "push_environment" TEXT,
    "push_token_sealed" BYTEA,
    "push_token_hash" BYTEA,
    "push_token_set_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "activated_at" TIMESTAMPTZ(6),
    "last_seen_at" TIMESTAMPTZ(6),
    "unregistered_at" TIMESTAMPTZ(6),
    "unregister_reason" TEXT,

    CONSTRAINT "devices_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "device_keys" (
    "tenant_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "kid" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,

    CONSTRAINT "device_keys_pkey" PRIMARY KEY ("tenant_id","device_id","role")
);

-- CreateTable
CREATE TABLE "device_proofs" (
    "tenant_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "jti" TEXT NOT NULL,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "device_proofs_pkey" PRIMARY KEY ("tenant_id","device_id","jti")
);

-- CreateTable
CREATE TABLE "challenges" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "rp_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "reason" TEXT,
    "context" JSONB NOT NULL,
    "number_mode" TEXT NOT NULL,
    "number_digits" SMALLINT,
    "number_sealed" BYTEA,
    "wrong_numbers_left" SMALLINT NOT NULL,
    "user_verification" TEXT NOT NULL,
    "binding" TEXT,
    "delivery_mode" TEXT NOT NULL,
    "signing_kid" TEXT NOT NULL,
    "result_jti" TEXT NOT NULL,
    "idempotency_key" TEXT,
    "request_hash" BYTEA NOT NULL,
    "resends_left" SMALLINT NOT NULL,
    "last_push_at" TIMESTAMPTZ(6),
    "created_at" TIMESTAMPTZ(6) NOT NULL,
    "expires_at" TIMESTAMPTZ(6) NOT NULL,
    "decided_at" TIMESTAMPTZ(6),
    "decided_device_id" TEXT,

    CONSTRAINT "challenges_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "challenge_targets" (
    "tenant_id" TEXT NOT NULL,
    "challenge_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "request_payload" TEXT NOT NULL,
    "request_hash" TEXT NOT NULL,
    "fetched_at" TIMESTAMPTZ(6),
    "received_at" TIMESTAMPTZ(6),

    CONSTRAINT "challenge_targets_pkey" PRIMARY KEY ("tenant_id","challenge_id","device_id")
);

-- CreateTable
CREATE TABLE "answers" (
    "tenant_id" TEXT NOT NULL,
    "challenge_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "jti" TEXT NOT NULL,
    "decision" TEXT NOT NULL,
    "outcome" TEXT NOT NULL,
    "status_after" TEXT NOT NULL,
    "wrong_numbers_left" SMALLINT NOT NULL,
    "kid" TEXT NOT NULL,
    "user_verified" BOOLEAN NOT NULL,
    "jws" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "answers_pkey" PRIMARY KEY ("tenant_id","challenge_id","device_id","jti")
);

-- CreateTable
CREATE TABLE "deliveries" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "challenge_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "status" TEXT NOT NULL,
    "reason" TEXT,
    "attempts" SMALLINT NOT NULL DEFAULT 0,
    "due_at" TIMESTAMPTZ(6) NOT NULL,
    "leased_by" TEXT,
    "leased_until" TIMESTAMPTZ(6),
    "provider_message_id" TEXT,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "settled_at" TIMESTAMPTZ(6),

    CONSTRAINT "deliveries_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "activities" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "severity" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "challenge_id" TEXT,
    "device_id" TEXT,
    "enrolment_id" TEXT,
    "details" JSONB NOT NULL DEFAULT '{}',
    "occurred_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "activities_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "audit_events" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "type" TEXT NOT NULL,
    "actor" TEXT NOT NULL,
    "subject" TEXT NOT NULL,
    "details" JSONB NOT NULL DEFAULT '{}',
    "occurred_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "audit_events_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateIndex
CREATE UNIQUE INDEX "signing_keys_tenant_id_seq_key" ON "signing_keys"("tenant_id", "seq");

-- CreateIndex
CREATE INDEX "api_keys_id_idx" ON "api_keys"("id");

-- CreateIndex
CREATE INDEX "user_identifiers_tenant_id_user_id_idx" ON "user_identifiers"("tenant_id", "user_id");

-- CreateIndex
CREATE INDEX "user_identifiers_tenant_id_value_idx" ON "user_identifiers"("tenant_id", "value");

-- CreateIndex
CREATE INDEX "enrolments_tenant_id_user_id_created_at_idx" ON "enrolments"("tenant_id", "user_id", "created_at");

-- CreateIndex
CREATE UNIQUE INDEX "enrolments_tenant_id_code_hash_key" ON "enrolments"("tenant_id", "code_hash");

-- CreateIndex
CREATE INDEX "devices_tenant_id_user_id_created_at_idx" ON "devices"("tenant_id", "user_id", "created_at");

-- CreateIndex
CREATE INDEX "devices_push_token_hash_idx" ON "devices"("push_token_hash") WHERE (push_token_hash is not null);

-- CreateIndex
CREATE UNIQUE INDEX "device_keys_kid_key" ON "device_keys"("kid");

-- CreateIndex
CREATE INDEX "device_proofs_expires_at_idx" ON "device_proofs"("expires_at");

-- CreateIndex
CREATE INDEX "challenges_tenant_id_user_id_id_idx" ON "challenges"("tenant_id", "user_id", "id");

-- CreateIndex
CREATE INDEX "challenges_tenant_id_rp_id_id_idx" ON "challenges"("tenant_id", "rp_id", "id");

-- CreateIndex
CREATE INDEX "challenges_pending_user" ON "challenges"("tenant_id", "user_id") WHERE (status = 'pending');

-- CreateIndex
CREATE INDEX "challenges_pending_expiry" ON "challenges"("expires_at") WHERE (status = 'pending');

-- CreateIndex
CREATE UNIQUE INDEX "challenges_idempotency_key" ON "challenges"("tenant_id", "rp_id", "idempotency_key") WHERE (idempotency_key is not null);

-- CreateIndex
CREATE INDEX "deliveries_tenant_id_challenge_id_idx" ON "deliveries"("tenant_id", "challenge_id");

-- CreateIndex
CREATE INDEX "deliveries_queued" ON "deliveries"("due_at") WHERE (status = 'queued');

-- CreateIndex
CREATE INDEX "activities_tenant_id_user_id_id_idx" ON "activities"("tenant_id", "user_id", "id");

-- AddForeignKey
ALTER TABLE "signing_keys" ADD CONSTRAINT "signing_keys_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "relying_parties" ADD CONSTRAINT "relying_parties_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "api_keys" ADD CONSTRAINT "api_keys_tenant_id_rp_id_fkey" FOREIGN KEY ("tenant_id", "rp_id") REFERENCES "relying_parties"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "users" ADD CONSTRAINT "users_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "user_identifiers" ADD CONSTRAINT "user_identifiers_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "enrolments" ADD CONSTRAINT "enrolments_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "enrolments" ADD CONSTRAINT "enrolments_tenant_id_rp_id_fkey" FOREIGN KEY ("tenant_id", "rp_id") REFERENCES "relying_parties"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "devices" ADD CONSTRAINT "devices_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "device_keys" ADD CONSTRAINT "device_keys_tenant_id_device_id_fkey" FOREIGN KEY ("tenant_id", "device_id") REFERENCES "devices"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_tenant_id_rp_id_fkey" FOREIGN KEY ("tenant_id", "rp_id") REFERENCES "relying_parties"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "challenge_targets" ADD CONSTRAINT "challenge_targets_tenant_id_challenge_id_fkey" FOREIGN KEY ("tenant_id", "challenge_id") REFERENCES "challenges"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "challenge_targets" ADD CONSTRAINT "challenge_targets_tenant_id_device_id_fkey" FOREIGN KEY ("tenant_id", "device_id") REFERENCES "devices"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "answers" ADD CONSTRAINT "answers_tenant_id_challenge_id_fkey" FOREIGN KEY ("tenant_id", "challenge_id") REFERENCES "challenges"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_tenant_id_challenge_id_fkey" FOREIGN KEY ("tenant_id", "challenge_id") REFERENCES "challenges"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "activities" ADD CONSTRAINT "activities_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "audit_events" ADD CONSTRAINT "audit_events_tenant_id_fkey" FOREIGN KEY ("tenant_id") REFERENCES "tenants"("tenant_id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Checks
ALTER TABLE "signing_keys" ADD CONSTRAINT "signing_keys_status_check" CHECK (status in ('active', 'retired'));
ALTER TABLE "enrolments" ADD CONSTRAINT "enrolments_status_check" CHECK (status in ('open', 'claimed', 'completed', 'cancelled', 'void'));
ALTER TABLE "devices" ADD CONSTRAINT "devices_status_check" CHECK (status in ('unconfirmed', 'active', 'unregistered'));
ALTER TABLE "devices" ADD CONSTRAINT "devices_platform_check" CHECK (platform in ('ios', 'android', 'web', 'other'));
ALTER TABLE "devices" ADD CONSTRAINT "devices_push_provider_check" CHECK (push_provider in ('apns', 'fcm'));
ALTER TABLE "devices" ADD CONSTRAINT "devices_push_environment_check" CHECK (push_environment in ('production', 'sandbox'));
ALTER TABLE "devices" ADD CONSTRAINT "devices_unregister_reason_check" CHECK (unregister_reason in ('lost', 'stolen', 'replaced', 'user_request', 'admin', 'not_confirmed'));
ALTER TABLE "device_keys" ADD CONSTRAINT "device_keys_role_check" CHECK (role in ('possession', 'verification'));
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_status_check" CHECK (status in ('pending', 'approved', 'denied', 'expired', 'cancelled'));
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_reason_check" CHECK (reason in ('user_denied', 'user_reported', 'number_mismatch', 'no_device_left'));
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_number_mode_check" CHECK (number_mode in ('service', 'caller', 'none'));
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_user_verification_check" CHECK (user_verification in ('required', 'preferred', 'not_required'));
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_delivery_mode_check" CHECK (delivery_mode in ('push', 'pull_only'));
ALTER TABLE "answers" ADD CONSTRAINT "answers_decision_check" CHECK (decision in ('approve', 'deny', 'report'));
ALTER TABLE "answers" ADD CONSTRAINT "answers_outcome_check" CHECK (outcome in ('approved', 'denied', 'wrong_number'));
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_kind_check" CHECK (kind in ('challenge_opened', 'challenge_closed'));
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_status_check" CHECK (status in ('queued', 'sent', 'failed', 'suppressed'));
ALTER TABLE "activities" ADD CONSTRAINT "activities_severity_check" CHECK (severity in ('info', 'warning', 'critical'));
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_decided_check" CHECK ((status = 'pending') = (decided_at is null));
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_denied_check" CHECK ((status = 'denied') = (reason is not null));
ALTER TABLE "challenges" ADD CONSTRAINT "challenges_number_erased_check" CHECK (status = 'pending' or number_sealed is null);
