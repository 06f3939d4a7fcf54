-- CreateTable
CREATE TABLE "vapid_keys" (
    "public_key" TEXT NOT NULL,
    "private_sealed" BYTEA NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "is_current" BOOLEAN DEFAULT true,

    CONSTRAINT "vapid_keys_pkey" PRIMARY KEY ("public_key")
);

-- CreateIndex
CREATE UNIQUE INDEX "vapid_keys_current" ON "vapid_keys"("is_current");

-- Checks
ALTER TABLE "devices" DROP CONSTRAINT "devices_push_provider_check";
ALTER TABLE "vapid_keys" ADD CONSTRAINT "vapid_keys_is_current_check" CHECK (is_current);
ALTER TABLE "devices" ADD CONSTRAINT "devices_push_provider_check" CHECK (push_provider in ('apns', 'fcm', 'web_push'));
