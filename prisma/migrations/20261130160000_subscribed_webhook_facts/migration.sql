-- What nobody in the tenant subscribes to is not owed: a sign-in is five facts, and most endpoints want its end alone.

-- The types of events that a fact may cause, for what each sign-in consists of; null: any.
-- src/domain/webhook-event.ts decides which it does cause. A fact whose events are not all here would be lost
-- (test/webhooks/subscribed-facts.test.ts).
CREATE FUNCTION "webhook_event_types"(kind TEXT, activity_type TEXT) RETURNS TEXT[] LANGUAGE sql IMMUTABLE AS $$
  select case kind
    when 'challenge_fetched' then array['challenge.fetched']
    when 'push_sent' then array['challenge.delivered']
    when 'push_failed' then array['challenge.delivery_failed']
    when 'activity' then case activity_type
      when 'challenge_created' then array['challenge.created', 'activity.recorded']
      when 'challenge_approved' then array['challenge.approved', 'activity.recorded']
      when 'challenge_denied' then array['challenge.denied', 'activity.recorded']
      when 'challenge_expired' then array['challenge.expired', 'activity.recorded']
      when 'challenge_cancelled' then array['challenge.cancelled', 'activity.recorded']
    end
  end
$$;

CREATE FUNCTION "webhook_is_subscribed"(tenant TEXT, event_types TEXT[]) RETURNS BOOLEAN LANGUAGE sql STABLE AS $$
  select exists (select from webhook_endpoints e
    where e.tenant_id = tenant and e.status in ('active', 'paused')
      and (event_types is null or e.events && (event_types || array['*'])))
$$;

-- The connection that wrote is told so (INFO is sent whatever client_min_messages says, and costs no round trip):
-- src/platform/postgres/notice-watch.ts.
CREATE OR REPLACE FUNCTION "webhook_owe"(fact "webhook_facts") RETURNS VOID LANGUAGE plpgsql AS $$
BEGIN
  fact.owner_rp_id := coalesce(fact.owner_rp_id,
    (select c.rp_id from challenges c where c.tenant_id = fact.tenant_id and c.id = fact.challenge_id),
    (select e.rp_id from enrollments e where e.tenant_id = fact.tenant_id and e.id = fact.enrollment_id));
  fact.viewer_rp_ids := array(select distinct e.rp_id
    from webhook_endpoints e
    join relying_parties r on r.tenant_id = e.tenant_id and r.id = e.rp_id
    where e.tenant_id = fact.tenant_id and e.status in ('active', 'paused')
      and exists (select from user_identifiers i where i.tenant_id = e.tenant_id
        and i.user_id = fact.user_id and i.namespace = any(r.namespaces)));
  if cardinality(fact.viewer_rp_ids) = 0 and not exists (select from webhook_endpoints e
    where e.tenant_id = fact.tenant_id and e.rp_id = fact.owner_rp_id and e.status in ('active', 'paused'))
  then return; end if;
  fact.seq := nextval('webhook_facts_seq_seq');
  insert into webhook_facts select fact.*;
  raise info 'webhook_facts';
END
$$;

CREATE OR REPLACE FUNCTION "webhook_owe_activity"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE fact webhook_facts;
BEGIN
  if not webhook_is_subscribed(new.tenant_id, webhook_event_types('activity', new.type)) then return null; end if;
  fact.tenant_id := new.tenant_id;
  fact.kind := 'activity';
  fact.user_id := new.user_id;
  fact.activity_id := new.id;
  fact.activity_type := new.type;
  fact.severity := new.severity;
  fact.challenge_id := new.challenge_id;
  fact.device_id := new.device_id;
  fact.enrollment_id := new.enrollment_id;
  fact.reason := new.details ->> 'reason';
  fact.owner_rp_id := new.rp_id;
  fact.occurred_at := new.occurred_at;
  perform webhook_owe(fact);
  return null;
END
$$;

CREATE OR REPLACE FUNCTION "webhook_owe_fetch"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE fact webhook_facts;
BEGIN
  if not webhook_is_subscribed(new.tenant_id, webhook_event_types('challenge_fetched', null)) then return null; end if;
  fact.tenant_id := new.tenant_id;
  fact.kind := 'challenge_fetched';
  fact.user_id := (select c.user_id from challenges c
    where c.tenant_id = new.tenant_id and c.id = new.challenge_id);
  fact.challenge_id := new.challenge_id;
  fact.device_id := new.device_id;
  fact.occurred_at := new.fetched_at;
  perform webhook_owe(fact);
  return null;
END
$$;

CREATE OR REPLACE FUNCTION "webhook_owe_push"() RETURNS TRIGGER LANGUAGE plpgsql AS $$
DECLARE fact webhook_facts;
BEGIN
  if not webhook_is_subscribed(new.tenant_id, webhook_event_types('push_' || new.status, null)) then return null; end if;
  fact.tenant_id := new.tenant_id;
  fact.kind := 'push_' || new.status;
  fact.user_id := (select c.user_id from challenges c
    where c.tenant_id = new.tenant_id and c.id = new.challenge_id);
  fact.challenge_id := new.challenge_id;
  fact.device_id := new.device_id;
  fact.reason := new.reason;
  fact.occurred_at := new.settled_at;
  perform webhook_owe(fact);
  return null;
END
$$;
