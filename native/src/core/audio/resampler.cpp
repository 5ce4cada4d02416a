#include "core/audio/resampler.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numeric>
#include <string>

namespace godot_executorch::audio {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kAttenuation = 80.0;  // dB
/// Where the filter ends to be flat, as a share of half of the lower rate.
constexpr double kFlat = 0.9;
/// Rates with a larger common multiple take weights between two rows; a line between rows that near is 110 dB exact.
constexpr int64_t kMostPhases = 1024;
/// Louder samples are cut, so that sums stay finite. Full scale is 1.
constexpr float kLoudest = 1e6F;
/// Samples that are taken at once, which bounds the history.
constexpr size_t kPiece = size_t{1} << 15;
constexpr size_t kLanes = 8;

float finite(float sample) {
    return std::isfinite(sample) ? std::clamp(sample, -kLoudest, kLoudest) : 0.0F;
}

/// The modified Bessel function of the first kind and order 0, by its series.
double bessel(double value) {
    double sum = 1.0;
    double term = 1.0;
    for (int k = 1; term > sum * 1e-12; ++k) {
        term *= (value / (2.0 * k)) * (value / (2.0 * k));
        sum += term;
    }
    return sum;
}

double sinc(double value) {
    return std::abs(value) < 1e-12 ? 1.0 : std::sin(kPi * value) / (kPi * value);
}

float product(const float* samples, const float* weights, size_t count) {
    float lanes[kLanes] = {};
    size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
        for (size_t lane = 0; lane < kLanes; ++lane) {
            lanes[lane] += samples[i + lane] * weights[i + lane];
        }
    }
    float sum = 0.0F;
    for (; i < count; ++i) {
        sum += samples[i] * weights[i];
    }
    return std::accumulate(std::begin(lanes), std::end(lanes), sum);
}

}  // namespace

Status Resampler::create(int64_t from, int64_t to, Resampler& made) {
    for (const int64_t rate : {from, to}) {
        if (rate < kLowestRate || rate > kHighestRate) {
            return Status(Code::InvalidOption, "sample rate: expected " + std::to_string(kLowestRate) + " to " +
                                                   std::to_string(kHighestRate) + " Hz, got " + std::to_string(rate));
        }
    }
    made = Resampler();
    made.from_ = from;
    made.to_ = to;
    const int64_t divisor = std::gcd(from, to);
    made.up_ = to / divisor;
    made.down_ = from / divisor;
    if (from != to) {
        made.make_filter();
    }
    made.reset();
    return {};
}

void Resampler::push(const float* samples, size_t count, std::vector<float>& output) {
    taken_ += count;
    if (from_ == to_) {
        given_ += count;
        std::transform(samples, samples + count, std::back_inserter(output), finite);
        return;
    }
    for (size_t begin = 0; begin < count; begin += kPiece) {
        const size_t end = std::min(begin + kPiece, count);
        std::transform(samples + begin, samples + end, std::back_inserter(history_), finite);
        drain(output);
    }
}

void Resampler::finish(std::vector<float>& output) {
    const auto up = static_cast<uint64_t>(up_);
    const auto down = static_cast<uint64_t>(down_);
    const uint64_t wanted = (taken_ * up + down - 1) / down;
    if (wanted > given_) {
        const uint64_t missing = wanted - given_;
        history_.resize(history_.size() + 2 * static_cast<size_t>(half_) + static_cast<size_t>(missing * down / up) +
                        1);
        std::vector<float> rest;
        drain(rest);
        output.insert(output.end(), rest.begin(), rest.begin() + static_cast<int64_t>(missing));
    }
    reset();
}

void Resampler::reset() {
    // The samples before the first are silence.
    history_.assign(static_cast<size_t>(std::max<int64_t>(half_ - 1, 0)), 0.0F);
    first_ = 0;
    part_ = 0;
    taken_ = 0;
    given_ = 0;
}

void Resampler::make_filter() {
    const double ratio = std::min(1.0, static_cast<double>(to_) / static_cast<double>(from_));
    const double beta = 0.1102 * (kAttenuation - 8.7);
    const double length = (kAttenuation - 7.95) / (2.285 * kPi * (1.0 - kFlat) * ratio);
    const double cutoff = ratio * (1.0 + kFlat) / 2.0;
    half_ = static_cast<int64_t>(std::ceil(length / 2.0)) + 1;
    phases_ = std::min(up_, kMostPhases);
    const auto width = static_cast<size_t>(2 * half_);
    filter_.resize(static_cast<size_t>(phases_ + 1) * width);
    std::vector<double> row(width);
    for (int64_t phase = 0; phase <= phases_; ++phase) {
        const double part = static_cast<double>(phase) / static_cast<double>(phases_);
        for (size_t i = 0; i < width; ++i) {
            const double distance = part + static_cast<double>(half_ - 1) - static_cast<double>(i);
            const double place = distance / static_cast<double>(half_);
            const double window = bessel(beta * std::sqrt(std::max(0.0, 1.0 - place * place)));
            row[i] = sinc(cutoff * distance) * window;
        }
        // Every row lets a constant pass unchanged; else the constant would be heard at the rate of the rows.
        const double sum = std::accumulate(row.begin(), row.end(), 0.0);
        std::transform(row.begin(), row.end(), filter_.begin() + phase * static_cast<int64_t>(width),
                       [sum](double weight) { return static_cast<float>(weight / sum); });
    }
}

void Resampler::drain(std::vector<float>& output) {
    const auto size = static_cast<int64_t>(history_.size());
    while (first_ + 2 * half_ <= size) {
        output.push_back(at(history_.data() + first_));
        ++given_;
        part_ += down_;
        first_ += part_ / up_;
        part_ %= up_;
    }
    // With a large step the next place may be behind all that is known.
    const int64_t used = std::min(first_, size);
    history_.erase(history_.begin(), history_.begin() + used);
    first_ -= used;
}

float Resampler::at(const float* samples) const {
    const auto width = static_cast<size_t>(2 * half_);
    const int64_t scaled = part_ * phases_;
    const float* const row = filter_.data() + static_cast<size_t>(scaled / up_) * width;
    const float before = product(samples, row, width);
    const int64_t rest = scaled % up_;
    if (rest == 0) {
        return before;
    }
    const float share = static_cast<float>(rest) / static_cast<float>(up_);
    return before + share * (product(samples, row + width, width) - before);
}

}  // namespace godot_executorch::audio
