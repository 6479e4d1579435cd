#include "ledger/texts.hpp"

namespace carillon::ledger::texts {

// Numbers are written with string.format, since Lua would write 1e+15 for a large one. A stream whose place is lost
// has none of its publications either.
const std::string_view publish = R"(
local place, stream, key = KEYS[1], KEYS[2], KEYS[3]
local channel, body, size, ttl, place_ttl, fresh, key_ttl, version, version_epoch = unpack(ARGV)
if key then
  local was = redis.call('GET', key)
  if was then
    local offset, epoch = string.match(was, '^(%d+) (.*)$')
    return {offset, epoch, 0, 1}
  end
end
local offset, epoch = '0', ''
if size ~= '0' then
  epoch = redis.call('HGET', place, 'epoch')
  if not epoch then
    epoch = fresh
    redis.call('DEL', stream)
    redis.call('HSET', place, 'epoch', epoch, 'top', '0')
  end
  if version ~= '' then
    local known = redis.call('HMGET', place, 'version', 'version_epoch')
    if known[1] and known[2] == version_epoch and known[1] >= version then
      return {redis.call('HGET', place, 'top'), epoch, 0, 1}
    end
    redis.call('HSET', place, 'version', version, 'version_epoch', version_epoch)
  end
  offset = string.format('%.0f', redis.call('HINCRBY', place, 'top', 1))
  redis.call('XADD', stream, 'MAXLEN', size, offset .. '-0', 'b', body)
  redis.call('EXPIRE', stream, ttl)
  redis.call('EXPIRE', place, place_ttl)
end
if key then redis.call('SET', key, offset .. ' ' .. epoch, 'EX', key_ttl) end
local heard = redis.call('PUBLISH', channel, '\255C1' .. offset .. ' ' .. epoch .. ' ' .. body)
return {offset, epoch, heard, 0}
)";

// What a gateway looks at before it publishes, for those that do without one. Whether data is JSON is looked at by
// those that read it, since Lua's parser takes more than there is in JSON.
const std::string_view function = R"(
local forms = {
  '^[\194-\223][\128-\191]', '^\224[\160-\191][\128-\191]', '^[\225-\236\238\239][\128-\191][\128-\191]',
  '^\237[\128-\159][\128-\191]', '^\240[\144-\191][\128-\191][\128-\191]',
  '^[\241-\243][\128-\191][\128-\191][\128-\191]', '^\244[\128-\143][\128-\191][\128-\191]'
}
local function is_utf8(text)
  local from = string.find(text, '[\128-\255]')
  while from do
    local last
    for _, form in ipairs(forms) do
      local _, found = string.find(text, form, from)
      last = last or found
    end
    if not last then return false end
    from = string.find(text, '[\128-\255]', last + 1)
  end
  return true
end
local function fail(why) return redis.error_reply('ERR ' .. name .. ': ' .. why) end
redis.register_function(name, function(keys, args)
  local channel, data = keys[1], args[1]
  if #keys ~= 1 or not data then return fail('one key, which is the channel, and data') end
  if channel == '' or #channel > channel_max or not is_utf8(channel) then return fail('no channel has this name') end
  local space = spaces[string.match(string.gsub(channel, '^%$', ''), '^([^:]+):') or '']
  if not space then return fail('no such namespace') end
  if space[4] and string.sub(channel, -1) == '*' then return fail('it stands for many channels') end
  if #data > data_max then return fail('data is longer than ' .. data_max .. ' bytes') end
  if not is_utf8(data) then return fail('data is neither JSON nor UTF-8 text') end
  local tags, key, version, epoch, size = {}, nil, '', '', space[1]
  local i = 2
  while i <= #args do
    local option, value = string.upper(args[i]), args[i + 1]
    if option == 'SKIP_HISTORY' then
      size = '0'
    elseif option == 'TAG' and args[i + 2] and is_utf8(value) and is_utf8(args[i + 2]) then
      tags[value] = args[i + 2]
      i = i + 2
    elseif option == 'IDEMPOTENCY_KEY' and value and value ~= '' and #value <= 255 then
      key = value
      i = i + 1
    elseif option == 'VERSION' and value and string.find(value, '^%d+$') and #value <= 20 then
      version = string.find(value, '[1-9]') and string.rep('0', 20 - #value) .. value or ''
      i = i + 1
    elseif option == 'VERSION_EPOCH' and value then
      epoch = value
      i = i + 1
    else
      return fail('word ' .. i .. ' is no option, or its value is wrong')
    end
    i = i + 1
  end
  tags = next(tags) and cjson.encode(tags) or ''
  if #tags > remarks_max then return fail('too many tags') end
  local time = redis.call('TIME')
  local fresh = string.sub(redis.sha1hex(channel .. time[1] .. ' ' .. time[2]), 1, 8)
  local place = '{' .. channel .. '}'
  local names = {prefix .. '.place.' .. place, prefix .. '.stream.' .. place}
  if key then names[3] = prefix .. '.key.' .. place .. '.' .. key end
  return publish(names, {channel, 'd0 ' .. #tags .. ' ' .. tags .. data, size, space[2], space[3], fresh, key_ttl,
                         version, epoch})
end)
)";

// What is asked for is read only if all of it can be given: who has missed more is told so.
const std::string_view read = R"(
local place, stream = KEYS[1], KEYS[2]
local about, fresh, place_ttl, since, since_epoch, limit, bytes_max = unpack(ARGV)
local epoch = redis.call('HGET', place, 'epoch')
if not epoch then
  epoch = fresh
  redis.call('DEL', stream)
  redis.call('HSET', place, 'epoch', epoch, 'top', '0')
end
redis.call('EXPIRE', place, place_ttl)
if about == 'forget' then redis.call('DEL', stream) end
local top = redis.call('HGET', place, 'top')
local kept = redis.call('XLEN', stream)
local same = since_epoch == '' or since_epoch == epoch
local after = string.format('%.0f-0', tonumber(since) + 1)
limit = tonumber(limit)
local found = {}
if about == 'recover' then
  local missed = tonumber(top) - tonumber(since)
  if same and missed > 0 and missed <= kept and missed <= limit then
    found = redis.call('XRANGE', stream, after, '+', 'COUNT', missed)
  end
elseif about == 'newest' then
  if not (same and since == top) then found = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', 1) end
elseif limit == 0 then
  found = {}
elseif about == 'after' then
  found = redis.call('XRANGE', stream, after, '+', 'COUNT', limit)
elseif about == 'before' then
  found = redis.call('XREVRANGE', stream, string.format('%.0f-0', tonumber(since) - 1), '-', 'COUNT', limit)
elseif about == 'last' then
  found = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', limit)
end
local said, bytes = {top, epoch, kept, 0}, 0
for i, entry in ipairs(found) do
  local body = entry[2][2]
  bytes = bytes + #body
  if bytes > tonumber(bytes_max) and (i > 1 or about == 'recover') then
    said[4] = 1
    break
  end
  said[#said + 1] = entry[1]
  said[#said + 1] = body
end
return said
)";

// Before each of the following: those whose time is over go first, some at a time. The server's clock counts, which is
// one for all gateways. In a crowd nobody is told.
const std::string_view attendance = R"(
local there, whose, users, till = unpack(KEYS)
local channel, told_max = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local function tell(kind, info)
  if told_max < 0 or redis.call('HLEN', there) > told_max then return end
  redis.call('PUBLISH', channel, '\255C10  ' .. kind .. '0 0 ' .. info)
end
local function drop(id)
  local info = redis.call('HGET', there, id)
  if not info then return end
  local user = redis.call('HGET', whose, id) or ''
  redis.call('HDEL', there, id)
  redis.call('HDEL', whose, id)
  redis.call('ZREM', till, id)
  if redis.call('HINCRBY', users, user, -1) <= 0 then redis.call('HDEL', users, user) end
  tell('-', info)
end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', till, '-inf', now, 'LIMIT', 0, 100)) do drop(id) end
)";

const std::string_view enter = R"(
local ttl = tonumber(ARGV[3])
for i = 4, #ARGV, 3 do
  local id, user, info = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  if redis.call('HSETNX', there, id, info) == 1 then
    redis.call('HSET', whose, id, user)
    redis.call('HINCRBY', users, user, 1)
    tell('+', info)
  end
  redis.call('ZADD', till, now + ttl, id)
end
for _, key in ipairs(KEYS) do redis.call('PEXPIRE', key, ttl * 2) end
return 1
)";

const std::string_view leave = R"(
for i = 3, #ARGV do drop(ARGV[i]) end
return 1
)";

const std::string_view attend = R"(
local said = {redis.call('HLEN', there), redis.call('HLEN', users)}
if said[1] <= tonumber(ARGV[3]) then
  for _, each in ipairs(redis.call('HGETALL', there)) do said[#said + 1] = each end
end
return said
)";

} // namespace carillon::ledger::texts
