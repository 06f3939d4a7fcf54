-- AlterTable
ALTER TABLE "devices" ADD COLUMN     "attested_until" TIMESTAMPTZ(6),
ADD COLUMN     "key_revision" INTEGER NOT NULL DEFAULT 0;

-- CreateTable
CREATE TABLE "replaced_device_keys" (
    "tenant_id" TEXT NOT NULL,
    "device_id" TEXT NOT NULL,
    "kid" TEXT NOT NULL,
    "role" TEXT NOT NULL,
    "public_jwk" JSONB NOT NULL,
    "mac" BYTEA NOT NULL,
    "replaced_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),

    CONSTRAINT "replaced_device_keys_pkey" PRIMARY KEY ("tenant_id","device_id","kid")
);

-- CreateIndex
CREATE UNIQUE INDEX "replaced_device_keys_kid_key" ON "replaced_device_keys"("kid");

-- AddForeignKey
ALTER TABLE "replaced_device_keys" ADD CONSTRAINT "replaced_device_keys_tenant_id_device_id_fkey" FOREIGN KEY ("tenant_id", "device_id") REFERENCES "devices"("tenant_id", "id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- Checks
ALTER TABLE "replaced_device_keys" ADD CONSTRAINT "replaced_device_keys_role_check" CHECK (role in ('possession', 'verification'));
