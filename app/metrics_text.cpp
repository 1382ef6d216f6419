#include "app/metrics_text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace mtp::app {

namespace {

using actors::metrics;

prometheus::ClientMetric to_prometheus(const metrics::sample& in, metrics::kind type) {
  prometheus::ClientMetric out;
  for (const auto& [name, value] : in.labels)
    out.label.push_back({name, value});
  switch (type) {
    case metrics::kind::counter:
      out.counter.value = in.value;
      break;
    case metrics::kind::gauge:
      out.gauge.value = in.value;
      break;
    case metrics::kind::histogram: {
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < in.buckets.size(); ++i) {
        below += in.buckets[i];
        const double bound =
            i < in.bounds.size() ? in.bounds[i] : std::numeric_limits<double>::infinity();
        out.histogram.bucket.push_back({.cumulative_count = below, .upper_bound = bound});
      }
      out.histogram.sample_count = below;
      out.histogram.sample_sum = in.sum;
      break;
    }
  }
  return out;
}

prometheus::MetricType to_prometheus(metrics::kind type) {
  switch (type) {
    case metrics::kind::counter:
      return prometheus::MetricType::Counter;
    case metrics::kind::gauge:
      return prometheus::MetricType::Gauge;
    case metrics::kind::histogram:
      return prometheus::MetricType::Histogram;
  }
  return prometheus::MetricType::Untyped;
}

prometheus::MetricFamily to_prometheus(const metrics::family& in) {
  prometheus::MetricFamily out;
  out.name = in.name;
  out.help = in.help;
  out.type = to_prometheus(in.type);
  for (const auto& sample : in.samples)
    out.metric.push_back(to_prometheus(sample, in.type));
  return out;
}

}  // namespace

std::string metrics_text(const metrics& what) {
  std::vector<prometheus::MetricFamily> out;
  for (const auto& family : what.read())
    out.push_back(to_prometheus(family));
  return prometheus::TextSerializer{}.Serialize(out);
}

}  // namespace mtp::app
