#include "app/metrics_text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <limits>

namespace mtp::app {

namespace {

using actors::metrics;

prometheus::ClientMetric to_prometheus(const metrics::sample& in, metrics::kind type) {
  prometheus::ClientMetric metric;
  for (const auto& [name, value] : in.labels)
    metric.label.push_back({name, value});
  switch (type) {
    case metrics::kind::counter:
      metric.counter.value = in.value;
      break;
    case metrics::kind::gauge:
      metric.gauge.value = in.value;
      break;
    case metrics::kind::histogram: {
      std::uint64_t below = 0;
      for (std::size_t i = 0; i < in.buckets.size(); ++i) {
        below += in.buckets[i];
        const double bound =
            i < in.bounds.size() ? in.bounds[i] : std::numeric_limits<double>::infinity();
        metric.histogram.bucket.push_back({.cumulative_count = below, .upper_bound = bound});
      }
      metric.histogram.sample_count = below;
      metric.histogram.sample_sum = in.sum;
      break;
    }
  }
  return metric;
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
  prometheus::MetricFamily family;
  family.name = in.name;
  family.help = in.help;
  family.type = to_prometheus(in.type);
  for (const auto& sample : in.samples)
    family.metric.push_back(to_prometheus(sample, in.type));
  return family;
}

}  // namespace

std::string metrics_text(const metrics& registry) {
  std::vector<prometheus::MetricFamily> families;
  for (const auto& family : registry.read())
    families.push_back(to_prometheus(family));
  return prometheus::TextSerializer{}.Serialize(families);
}

}  // namespace mtp::app
