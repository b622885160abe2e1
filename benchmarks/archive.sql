-- The archive's rows, statement by statement; `benchmarks/archive.py` fills in {contacts}, {conversations}, {messages}, {spacing} and {busiest}.

-- : people
INSERT INTO contacts_contact (id, name, company, language, country, time_zone, priority, external_id, notes, custom, last_inbound_at,
    last_activity_at, created_at, updated_at)
SELECT n, p.text, c.text, '', (ARRAY['HK','TW','JP','SG'])[1 + n % 4], '', 'normal', '', '', '{}', t.at, t.at, t.at - interval '30 days', t.at
FROM generate_series(1, {contacts}) n
JOIN bench_names p ON p.k = abs(hashint4(n)) % (SELECT count(*) FROM bench_names)
JOIN bench_companies c ON c.k = n % 7
CROSS JOIN LATERAL (SELECT now() - (({contacts} - n)::float / {contacts}) * interval '180 days' AS at) t;

-- : identities
INSERT INTO contacts_identity (id, kind, scope, value, e164, verified, needs_repair, valid_from, contact_id)
SELECT n, 'whatsapp', '', (ARRAY['8529','8869','8190','6590'])[1 + n % 4] || lpad(((n::bigint * 7368787) % 10000000)::text, 7, '0'), '+' || (ARRAY['8529','8869','8190','6590'])[1 + n % 4] || lpad(((n::bigint * 7368787) % 10000000)::text, 7, '0'), 'inbound', '', now() - interval '180 days', n FROM generate_series(1, {contacts}) n;

-- : people's search terms
INSERT INTO contacts_search (id, terms)
SELECT n, p.terms || c.terms || ('''' || d.digits || ''':30 ''r' || reverse(d.digits) || ''':31')::tsvector
FROM generate_series(1, {contacts}) n
JOIN bench_names p ON p.k = abs(hashint4(n)) % (SELECT count(*) FROM bench_names)
JOIN bench_companies c ON c.k = n % 7
CROSS JOIN LATERAL (SELECT (ARRAY['8529','8869','8190','6590'])[1 + n % 4] || lpad(((n::bigint * 7368787) % 10000000)::text, 7, '0') AS digits) d;

-- : messages
INSERT INTO conversations_message (id, direction, kind, text, content, external_id, reply_to, sent_at, created_at, state, source, category, cause,
    event_key, fence, attempts, error_code, error_title, price_category, connection_id, conversation_id)
SELECT n, CASE WHEN n % 3 = 2 THEN 'out' ELSE 'in' END, 'text', coalesce(c.text, p.text), '{}', 'wamid.' || md5(n::text), '', t.at, t.at,
    CASE WHEN n % 3 = 2 THEN 'read' ELSE 'received' END, CASE WHEN n % 3 = 2 THEN 'agent' ELSE 'customer' END, 'service', '', '', 0, 0, '', '', '',
    k.connection, k.conversation
FROM generate_series(1, {messages}) n
JOIN bench_phrases p ON p.k = abs(hashint4(n)) % (SELECT count(*) FROM bench_phrases)
LEFT JOIN bench_common c ON n % 10 = 0 AND c.k = (n / 10) % (SELECT count(*) FROM bench_common)
CROSS JOIN LATERAL (SELECT now() - (({messages} - n)::float / {messages}) * interval '180 days' AS at) t
CROSS JOIN LATERAL (SELECT CASE WHEN n % 20 = 0 THEN 1 + (n::bigint * 48611) % {busiest} ELSE 1 + (n::bigint * 7919) % {conversations} END AS conversation) v
CROSS JOIN LATERAL (SELECT v.conversation, (SELECT min(id) FROM connections_connection) + v.conversation % 4 AS connection) k;

-- : messages' search terms
INSERT INTO conversations_search (id, terms)
SELECT n, coalesce(c.terms, p.terms) FROM generate_series(1, {messages}) n
JOIN bench_phrases p ON p.k = abs(hashint4(n)) % (SELECT count(*) FROM bench_phrases)
LEFT JOIN bench_common c ON n % 10 = 0 AND c.k = (n / 10) % (SELECT count(*) FROM bench_common);

-- : conversations
INSERT INTO conversations_conversation (id, status, low_priority, unread_count, waiting_since, window_expires_at, last_message_at, last_inbound_at,
    last_preview, last_direction, last_state, version, changed_at, opened_at, referral, connection_id, identity_id, assignee_id)
SELECT m.conversation_id, CASE WHEN m.conversation_id % 5 < 3 THEN 'open' ELSE 'closed' END, false, CASE WHEN m.conversation_id % 7 = 0 THEN 2 ELSE 0 END,
    CASE WHEN m.conversation_id % 7 = 0 THEN max(m.sent_at) END, max(m.sent_at) + interval '24 hours', max(m.sent_at), max(m.sent_at),
    (SELECT left(text, 160) FROM conversations_message x WHERE x.id = max(m.id)), 'in', 'received', 3, max(m.sent_at), min(m.sent_at), '{}',
    min(m.connection_id), m.conversation_id * {spacing},
    CASE WHEN m.conversation_id % 4 = 0 THEN (SELECT min(id) FROM staff_user) END
FROM conversations_message m GROUP BY m.conversation_id;

-- : tags
INSERT INTO tags_tagassignment (matched, assigned_at, contact_id, tag_id, rule_version)
SELECT '', now(), n, t.id, 1 FROM generate_series(1, {contacts}) n
JOIN LATERAL (SELECT id FROM tags_tag ORDER BY id OFFSET n % (SELECT count(*) FROM tags_tag) LIMIT 1) t ON true WHERE n % 3 = 0;
