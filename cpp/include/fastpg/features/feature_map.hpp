// phi(s, h): the features of a policy. One class, four maps:
//   inputs      x, for networks that have a bias of their own
//   identity    (x, 1)
//   polynomial  every product of powers of x up to a degree, 1 included
//   fourier     (sin((P x)_k / nu + phase_k) for k = 1 … K, 1)   (Rajeswaran et al. 2017)
// x is the observation, normalised where a normaliser is set (clipped to [-10, 10] then), followed
// by t = h / 100 where the map sees the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fastpg {

class FeatureMap {
 public:
  static constexpr double clip = 10.0;
  static constexpr double time_scale = 100.0;
  static constexpr std::ptrdiff_t most_features = 1 << 20;

  static FeatureMap inputs(std::ptrdiff_t observation_size, bool time);

  static FeatureMap identity(std::ptrdiff_t observation_size, bool time);

  static FeatureMap polynomial(std::ptrdiff_t observation_size, bool time, std::int64_t degree);

  // projection: row-major (K, inputs), already divided by nu; phases: (K,).
  static FeatureMap fourier(std::ptrdiff_t observation_size, bool time,
                            std::vector<double> projection, std::vector<double> phases);

  std::ptrdiff_t observation_size() const { return observation_size_; }
  std::ptrdiff_t input_count() const { return inputs_; }
  std::ptrdiff_t size() const { return size_; }
  bool time() const { return time_; }

  // x_k = clip((s_k - mean_k) * inverse_std_k); empty vectors take the normaliser away.
  void set_normalizer(std::vector<double> mean, std::vector<double> inverse_std);

  // Memory that block() needs beside its result, in doubles for each observation.
  std::ptrdiff_t scratch_size() const { return inputs_ + 1; }

  // Number k of observation i stands at observations[k * from + i], feature k at
  // features[k * stride + i], stride >= count.
  void block(const float* observations, std::ptrdiff_t from, const std::int64_t* step_index,
             std::ptrdiff_t count, std::ptrdiff_t stride, double* scratch, double* features) const;

  // Row-major (count, size()) of row-major observations.
  void rows(const float* observations, const std::int64_t* step_index, std::ptrdiff_t count,
            int threads, double* out) const;

 private:
  FeatureMap(std::ptrdiff_t observation_size, bool time);

  void some_rows(const float* observations, const std::int64_t* step_index, std::ptrdiff_t count,
                 double* out) const;
  void fill(const float* observations, std::ptrdiff_t from, const std::int64_t* step_index,
            std::ptrdiff_t count, std::ptrdiff_t stride, double* scratch, double* features) const;
  void copy_rows(const float* observations, const std::int64_t* step_index, std::ptrdiff_t count,
                 double* out) const;
  bool copies() const { return parent_.empty() && phases_.empty(); }  // features are inputs
  void normalize(std::ptrdiff_t count, std::ptrdiff_t stride, double* inputs) const;

  void multiply(std::ptrdiff_t count, std::ptrdiff_t stride, const double* inputs,
                double* features) const;

  void project(std::ptrdiff_t count, std::ptrdiff_t stride, const double* inputs, double* angle,
               double* features) const;

  // Graded order; each monomial is an earlier one times one input of at least its last index, so
  // that a row costs one product a feature.
  void add_monomials(std::int64_t degree);

  std::ptrdiff_t observation_size_;
  std::ptrdiff_t inputs_ = 0;
  std::ptrdiff_t size_ = 0;
  bool time_;
  std::vector<std::size_t> parent_;
  std::vector<std::ptrdiff_t> factor_;
  std::vector<double> projection_;
  std::vector<double> phases_;
  std::vector<double> mean_;
  std::vector<double> inverse_std_;
};

}  // namespace fastpg
