-- Posts BENCH_BODY where there is one, and ends with one line of JSON for bench/wrk.py.
local body = os.getenv("BENCH_BODY")
if body then
  wrk.method = "POST"
  wrk.body = body
  wrk.headers["Content-Type"] = "application/json"
end

local threads = {}
overloaded = 0

function setup(thread)
  table.insert(threads, thread)
end

-- A callback for each answer costs the client time: only where 503 is an answer to count.
if os.getenv("BENCH_COUNT_503") then
  function response(status)
    if status == 503 then
      overloaded = overloaded + 1
    end
  end
end

function done(summary, latency, requests)
  local refused = 0
  for _, thread in ipairs(threads) do
    refused = refused + thread:get("overloaded")
  end
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests": %d, "seconds": %.6f, "p50": %.3f, "p99": %.3f, '
      .. '"statuses": %d, "overloaded": %d, "sockets": %d}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, refused,
    errors.connect + errors.read + errors.write + errors.timeout))
end
