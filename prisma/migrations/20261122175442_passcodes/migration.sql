-- CreateTable
CREATE TABLE "passcode_secrets" (
    "tenant_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "digits" SMALLINT NOT NULL,
    "secret_sealed" BYTEA NOT NULL,
    "last_step" INTEGER NOT NULL DEFAULT 0,

    CONSTRAINT "passcode_secrets_pkey" PRIMARY KEY ("tenant_id","device_id")
);

-- CreateTable
CREATE TABLE "single_use_codes" (
    "tenant_id" TEXT NOT NULL,
    "id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "kind" TEXT NOT NULL,
    "hash" BYTEA NOT NULL,
    "key_sealed" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "expires_at" TIMESTAMPTZ(6),
    "used_at" TIMESTAMPTZ(6),

    CONSTRAINT "single_use_codes_pkey" PRIMARY KEY ("tenant_id","id")
);

-- CreateTable
CREATE TABLE "passcode_budgets" (
    "tenant_id" TEXT NOT NULL,
    "user_id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "clear_at" TIMESTAMPTZ(6) NOT NULL,
    "succeeded_at" TIMESTAMPTZ(6),

    CONSTRAINT "passcode_budgets_pkey" PRIMARY KEY ("tenant_id","user_id","name")
);

-- CreateIndex
CREATE INDEX "single_use_codes_tenant_id_user_id_idx" ON "single_use_codes"("tenant_id", "user_id");

-- AddForeignKey
ALTER TABLE "passcode_secrets" ADD CONSTRAINT "passcode_secrets_tenant_id_device_id_fkey" FOREIGN KEY ("tenant_id", "device_id") REFERENCES "devices"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "single_use_codes" ADD CONSTRAINT "single_use_codes_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "passcode_budgets" ADD CONSTRAINT "passcode_budgets_tenant_id_user_id_fkey" FOREIGN KEY ("tenant_id", "user_id") REFERENCES "users"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Checks
ALTER TABLE "passcode_secrets" ADD CONSTRAINT "passcode_secrets_digits_check" CHECK (digits between 6 and 8);
ALTER TABLE "single_use_codes" ADD CONSTRAINT "single_use_codes_kind_check" CHECK (kind in ('recovery_code', 'temporary_code'));
