-- Checks
ALTER TABLE "prompts" DROP CONSTRAINT "prompts_outcome_check1";
ALTER TABLE "prompts" ADD CONSTRAINT "prompts_outcome_check1" CHECK (outcome in ('approved', 'denied', 'reported', 'expired', 'cancelled', 'code_not_allowed', 'unavailable'));
