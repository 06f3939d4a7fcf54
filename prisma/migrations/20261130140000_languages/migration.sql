-- AlterTable
ALTER TABLE "devices" ADD COLUMN     "language" TEXT;

-- AlterTable
ALTER TABLE "users" ADD COLUMN     "language" TEXT;

-- Checks
ALTER TABLE "users" ADD CONSTRAINT "users_language_check" CHECK (language <> '' and char_length(language) <= 64);
ALTER TABLE "devices" ADD CONSTRAINT "devices_language_check" CHECK (language <> '' and char_length(language) <= 64);
