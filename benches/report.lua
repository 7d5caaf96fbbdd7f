-- wrk's numbers in one line, exact and without units to parse: requests per second, then microseconds,
-- then answers that were not 2xx or 3xx or did not come at all.
done = function(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format("WRK %.1f %.0f %.0f %d\n",
    summary.requests / (summary.duration / 1e6), latency:percentile(50), latency:percentile(99),
    errors.status + errors.connect + errors.read + errors.write + errors.timeout))
end
