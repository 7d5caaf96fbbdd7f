-- One CloudEvent a request, each with an id of its own: EVENT_TYPE is its type, EVENT_RUN names the measurement.
local threads = 0
function setup(thread)
  threads = threads + 1
  thread:set("number", threads)
end

function init()
  count = 0
  prefix = os.getenv("EVENT_RUN") .. "-" .. number .. "-"
  rest = '","source":"/bench","type":"' .. os.getenv("EVENT_TYPE") .. '","data":{"message":"' .. string.rep("x", 100) .. '"}}'
  headers = { ["Content-Type"] = "application/cloudevents+json", ["Authorization"] = "Bearer " .. os.getenv("EVENT_TOKEN") }
end

function request()
  count = count + 1
  return wrk.format("POST", nil, headers, '{"specversion":"1.0","id":"' .. prefix .. count .. rest)
end

-- wrk's numbers in one line, exact and without units to parse: requests per second, then microseconds,
-- then answers that were not 2xx or 3xx or did not come at all.
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("WRK %.1f %.0f %.0f %d\n",
    summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
