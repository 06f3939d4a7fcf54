-- AlterTable
ALTER TABLE "device_keys" ADD COLUMN     "backed_up" BOOLEAN,
ADD COLUMN     "backup_eligible" BOOLEAN,
ADD COLUMN     "credential_id" TEXT,
ADD COLUMN     "kind" TEXT NOT NULL DEFAULT 'jws';

-- Checks
ALTER TABLE "device_keys" ADD CONSTRAINT "device_keys_kind_check" CHECK (kind in ('jws', 'webauthn'));
ALTER TABLE "device_keys" ADD CONSTRAINT "device_keys_kind_check1" CHECK (kind = 'jws' or role = 'verification');
ALTER TABLE "device_keys" ADD CONSTRAINT "device_keys_credential_id_check" CHECK ((credential_id is not null) = (kind = 'webauthn'));
ALTER TABLE "device_keys" ADD CONSTRAINT "device_keys_backup_eligible_check" CHECK ((backup_eligible is not null) = (kind = 'webauthn'));
ALTER TABLE "device_keys" ADD CONSTRAINT "device_keys_backed_up_check" CHECK ((backed_up is not null) = (kind = 'webauthn'));
