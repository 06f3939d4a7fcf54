-- AlterTable
ALTER TABLE "prompts" ADD COLUMN     "former_challenge_id" TEXT;
