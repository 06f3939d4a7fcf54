-- AlterTable
ALTER TABLE "devices" ADD COLUMN     "attestation_level" TEXT NOT NULL DEFAULT 'none',
ADD COLUMN     "attestation_verdict" TEXT NOT NULL DEFAULT 'not_asked',
ADD COLUMN     "attestation_why" TEXT;

-- Checks
ALTER TABLE "devices" ADD CONSTRAINT "devices_attestation_verdict_check" CHECK ((attestation_verdict = 'invalid') = (attestation_why is not null));
ALTER TABLE "devices" ADD CONSTRAINT "devices_attestation_verdict_check1" CHECK (attestation_verdict <> 'verified' or attestation_level in ('tee', 'strongbox', 'app_attest'));
ALTER TABLE "devices" ADD CONSTRAINT "devices_attestation_level_check" CHECK (attestation_level in ('none', 'software', 'tee', 'strongbox', 'app_attest'));
ALTER TABLE "devices" ADD CONSTRAINT "devices_attestation_verdict_check2" CHECK (attestation_verdict in ('not_asked', 'missing', 'invalid', 'verified'));
