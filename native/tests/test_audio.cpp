#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "core/audio/audio_intake.h"
#include "core/audio/pcm.h"

using namespace godot_executorch;
using namespace godot_executorch::audio;

namespace {

constexpr double kPi = 3.14159265358979323846;

std::vector<float> tone(double hertz, int64_t rate, size_t count, double loudness = 1.0) {
    std::vector<float> samples(count);
    for (size_t i = 0; i < count; ++i) {
        samples[i] = static_cast<float>(
            loudness * std::sin(2.0 * kPi * hertz * static_cast<double>(i) / static_cast<double>(rate)));
    }
    return samples;
}

std::vector<float> converted(const std::vector<float>& samples, int64_t from, int64_t to) {
    std::vector<float> output;
    REQUIRE(convert(samples.data(), samples.size(), 1, from, to, output).ok());
    return output;
}

/// The largest difference apart from the ends, where the sound begins and stops.
double difference(const std::vector<float>& a, const std::vector<float>& b) {
    REQUIRE(a.size() == b.size());
    double largest = 0.0;
    for (size_t i = a.size() / 8; i < a.size() - a.size() / 8; ++i) {
        largest = std::max(largest, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
    }
    return largest;
}

size_t length(size_t count, int64_t from, int64_t to) {
    const auto numerator = count * static_cast<size_t>(to);
    return (numerator + static_cast<size_t>(from) - 1) / static_cast<size_t>(from);
}

constexpr int64_t kRates[][2] = {{48'000, 16'000},  {44'100, 16'000}, {192'000, 16'000}, {8'000, 16'000},
                                 {16'000, 48'000},  {44'100, 48'000}, {22'050, 192'000}, {192'000, 8'000},
                                 {44'101, 16'000},  {8'000, 191'999}, {96'000, 44'100},  {11'025, 16'000},
                                 {191'999, 192'000}};

}  // namespace

TEST_CASE("a tone below the lower rate's half passes the resampler at its own time") {
    for (const auto& [from, to] : kRates) {
        CAPTURE(from);
        CAPTURE(to);
        const double edge = 0.5 * static_cast<double>(std::min(from, to));
        for (const double share : {0.05, 0.5, 0.88}) {
            const auto count = static_cast<size_t>(from / 5);
            const std::vector<float> output = converted(tone(share * edge, from, count), from, to);
            CHECK(difference(output, tone(share * edge, to, length(count, from, to))) < 1e-3);
        }
    }
}

TEST_CASE("a tone above the lower rate's half is 60 dB down") {
    for (const auto& [from, to] : kRates) {
        if (to >= from) {
            continue;
        }
        CAPTURE(from);
        CAPTURE(to);
        for (const double place : {0.02, 0.5, 0.98}) {
            const double hertz = 0.5 * (static_cast<double>(to) + place * static_cast<double>(from - to));
            const std::vector<float> output = converted(tone(hertz, from, static_cast<size_t>(from / 5)), from, to);
            CHECK(difference(output, std::vector<float>(output.size())) < 1e-3);
        }
    }
}

TEST_CASE("images of a tone are 60 dB down when the rate is raised") {
    // All that is in the output besides the tone itself.
    for (const auto& [from, to] : {std::pair<int64_t, int64_t>{16'000, 48'000}, {8'000, 44'100}}) {
        const double hertz = 0.4 * static_cast<double>(from);
        const std::vector<float> output = converted(tone(hertz, from, static_cast<size_t>(from)), from, to);
        CHECK(difference(output, tone(hertz, to, output.size())) < 1e-3);
    }
}

TEST_CASE("blocks of any length join to what the whole sound gives") {
    for (const auto& [from, to] : kRates) {
        CAPTURE(from);
        CAPTURE(to);
        const std::vector<float> sound = tone(1'234.5, from, static_cast<size_t>(from / 7), 0.7);
        const std::vector<float> whole = converted(sound, from, to);
        Resampler resampler;
        REQUIRE(Resampler::create(from, to, resampler).ok());
        std::vector<float> output;
        uint32_t random = 12'345;
        for (size_t at = 0; at < sound.size();) {
            random = random * 1'664'525U + 1'013'904'223U;
            const size_t count = std::min<size_t>((random >> 20) % 700, sound.size() - at);
            resampler.push(sound.data() + at, count, output);
            at += count;
        }
        resampler.finish(output);
        CHECK(output == whole);
        CHECK(output.size() == length(sound.size(), from, to));
        // The same object again: nothing of the first sound is left.
        std::vector<float> again;
        resampler.push(sound.data(), sound.size(), again);
        resampler.finish(again);
        CHECK(again == whole);
    }
}

TEST_CASE("sounds of a few samples have their length") {
    for (const auto& [from, to] : kRates) {
        CHECK(converted({}, from, to).empty());
        for (const size_t count : {1U, 2U, 3U, 25U}) {
            CHECK(converted(std::vector<float>(count, 0.5F), from, to).size() == length(count, from, to));
        }
    }
}

TEST_CASE("samples that are not finite are silence, and loud ones stay finite") {
    constexpr float kInfinity = std::numeric_limits<float>::infinity();
    constexpr float kLargest = std::numeric_limits<float>::max();
    std::vector<float> sound = tone(440.0, 48'000, 4'800);
    sound[2'000] = 0.0F;
    const std::vector<float> wanted = converted(sound, 48'000, 16'000);
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), kInfinity, -kInfinity}) {
        sound[2'000] = bad;
        CHECK(converted(sound, 48'000, 16'000) == wanted);
        CHECK(converted({bad, 1.0F}, 16'000, 16'000) == std::vector<float>{0.0F, 1.0F});
    }
    std::vector<float> loud(4'800, kLargest);
    for (size_t i = 0; i < loud.size(); i += 3) {
        loud[i] = -kLargest;
    }
    std::vector<float> output;
    REQUIRE(convert(loud.data(), loud.size(), 2, 44'100, 16'000, output).ok());
    CHECK(std::all_of(output.begin(), output.end(), [](float sample) { return std::isfinite(sample); }));
}

TEST_CASE("rates, channels and lengths that no sound has are refused") {
    const std::vector<float> sound(16);
    std::vector<float> output;
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
    for (const int64_t rate : {int64_t{0}, int64_t{-16'000}, int64_t{7'999}, int64_t{192'001}, kMost, -kMost - 1}) {
        CHECK(convert(sound.data(), sound.size(), 1, rate, 16'000, output).code() ==
              static_cast<int>(Code::InvalidOption));
        CHECK(convert(sound.data(), sound.size(), 1, 16'000, rate, output).code() ==
              static_cast<int>(Code::InvalidOption));
        AudioIntake intake(16'000, 64);
        CHECK(intake.push(sound.data(), sound.size(), 1, rate).code() == static_cast<int>(Code::InvalidOption));
        CHECK(intake.push(sound.data(), sound.size(), 1, 16'000).ok());
        CHECK(intake.available() == 16);
    }
    for (const int64_t channels : {int64_t{0}, int64_t{-1}, int64_t{33}, kMost}) {
        CHECK_FALSE(convert(sound.data(), sound.size(), channels, 16'000, 16'000, output).ok());
    }
    CHECK_FALSE(convert(sound.data(), kMostSamples + 1, 1, 16'000, 16'000, output).ok());
    CHECK_FALSE(convert(sound.data(), kMostSamples / 2, 1, 8'000, 192'000, output).ok());
    CHECK(output.empty());
}

TEST_CASE("an intake mixes channels, converts, and drops what finds no room") {
    AudioIntake intake(16'000, 1'000);
    const std::vector<float> left = tone(500.0, 48'000, 1'500);
    std::vector<float> frames;
    for (const float sample : left) {
        frames.insert(frames.end(), {sample, 0.0F});
    }
    frames.push_back(1.0F);  // half of a frame
    REQUIRE(intake.push(frames.data(), frames.size(), 2, 48'000).ok());
    intake.finish();
    std::vector<float> got(2'000);
    got.resize(intake.read(got.data(), got.size()));
    std::vector<float> wanted = converted(left, 48'000, 16'000);
    for (float& sample : wanted) {
        sample /= 2.0F;
    }
    CHECK(difference(got, wanted) < 1e-6);
    const std::vector<float> long_sound(5'000, 0.25F);
    REQUIRE(intake.push(long_sound.data(), long_sound.size(), 1, 16'000).ok());
    CHECK(intake.available() == 1'024);
    CHECK(intake.dropped() == 5'000 - 1'024);
    intake.forget();
    CHECK(intake.available() == 0);
    REQUIRE(intake.push(long_sound.data(), 10, 1, 16'000).ok());
    CHECK(intake.available() == 10);
}

TEST_CASE("what was pushed before forget() is not heard after it") {
    AudioIntake intake(16'000, 4'096);
    const std::vector<float> loud(4'800, 1.0F);
    const std::vector<float> silence(4'800, 0.0F);
    REQUIRE(intake.push(loud.data(), loud.size(), 1, 48'000).ok());
    intake.forget();
    REQUIRE(intake.push(silence.data(), silence.size(), 1, 48'000).ok());
    intake.finish();
    std::vector<float> got(4'096, 1.0F);
    got.resize(intake.read(got.data(), got.size()));
    CHECK(got == std::vector<float>(1'600, 0.0F));
}

TEST_CASE("bytes of a sound become samples") {
    const uint8_t bytes[] = {0x00, 0x80, 0x00, 0x40, 0xFF, 0x7F, 0xFF};
    CHECK(decode_pcm(bytes, 7, 16) == std::vector<float>{-1.0F, 0.5F, 32767.0F / 32768.0F});
    CHECK(decode_pcm(bytes, 4, 8) == std::vector<float>{0.0F, -1.0F, 0.0F, 0.5F});
    CHECK(decode_pcm(nullptr, 0, 16).empty());
    CHECK(decode_pcm(bytes, 7, 24).empty());
}

TEST_CASE("a ring buffer passes every value once, in order, between two threads") {
    RingBuffer ring(100);
    CHECK(ring.capacity() == 128);
    constexpr size_t kCount = 300'000;
    std::thread writer([&ring] {
        std::vector<float> block(77);
        for (size_t sent = 0; sent < kCount;) {
            const size_t count = std::min(block.size(), kCount - sent);
            for (size_t i = 0; i < count; ++i) {
                block[i] = static_cast<float>(sent + i);
            }
            sent += ring.write(block.data(), count);
            if (ring.available() == ring.capacity()) {
                std::this_thread::yield();
            }
        }
    });
    size_t received = 0;
    bool is_in_order = true;
    std::vector<float> block(50);
    while (received < kCount) {
        const size_t count = ring.read(block.data(), block.size());
        for (size_t i = 0; i < count; ++i) {
            is_in_order = is_in_order && block[i] == static_cast<float>(received + i);
        }
        received += count;
        if (count == 0) {
            std::this_thread::yield();
        }
    }
    writer.join();
    CHECK(is_in_order);
    CHECK(ring.available() == 0);
}

TEST_CASE("two threads share an intake: one gives sound, one reads and forgets") {
    AudioIntake intake(16'000, 1'024);
    std::atomic<bool> is_over{false};
    std::thread giver([&] {
        const std::vector<float> frames(960, 0.5F);
        for (int block = 0; block < 500; ++block) {
            CHECK(intake.push(frames.data(), frames.size(), 2, block % 100 < 50 ? 48'000 : 44'100).ok());
        }
        is_over.store(true);
    });
    std::vector<float> samples(300);
    bool is_sound = true;
    for (int turn = 0; !is_over.load(); ++turn) {
        const size_t count = intake.read(samples.data(), samples.size());
        is_sound = is_sound && std::all_of(samples.begin(), samples.begin() + static_cast<int64_t>(count),
                                           [](float sample) { return sample > -0.1F && sample < 0.6F; });
        if (turn % 1'000 == 999) {
            intake.forget();
        }
    }
    giver.join();
    CHECK(is_sound);
}
