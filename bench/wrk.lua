-- Posts BENCH_BODY if it is set, with a number for NUMBER in it, and prints one line of JSON at the end for bench/wrk.py.
local body = os.getenv("BENCH_BODY")
if body then
  wrk.method = "POST"
  wrk.body = body
  wrk.headers["Content-Type"] = "application/json"
  if body:find("NUMBER") then
    local number = 0
    function request()
      number = number + 1
      return wrk.format(nil, nil, nil, (body:gsub("NUMBER", number)))
    end
  end
end

local threads = {}
overloaded = 0

function setup(thread)
  table.insert(threads, thread)
end

-- A callback for each response costs time, so there is one only to count 503.
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
