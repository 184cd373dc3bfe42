#include "activator/kubernetes/core/report_shape.hpp"

#include <cmath>

#include <catch2/catch.hpp>

using activator::kubernetes::shaped_average;

TEST_CASE("shape: a stock autoscaler asks for a pod for each request, and no more") {
    for (const double utilization : {0.01, 0.5, 0.7, 0.83, 1.0}) {
        for (int activators = 1; activators <= 20; ++activators) {
            for (int requests = activators; requests <= 500; ++requests) {
                // All but one have one request each, the last has the others.
                double told = shaped_average(requests - activators + 1, utilization);
                for (int i = 1; i < activators; ++i)
                    told += shaped_average(1, utilization);
                // What stock does with it, one slot a pod.
                if (std::ceil(told / utilization) != requests) {
                    CAPTURE(utilization, activators, requests, told);
                    FAIL("it asks for " << std::ceil(told / utilization) << " pods");
                }
            }
        }
    }
}

TEST_CASE("shape: nothing is nothing, and a part of a request is never less than that") {
    CHECK(shaped_average(0, 0.7) == 0);
    CHECK(shaped_average(0.001, 0.7) > 0);
    CHECK(shaped_average(0.5, 0.7) == Approx(0.343));
    CHECK(shaped_average(1, 0.7) == Approx(0.686));  // stock's poke of 1 asks for 2 pods
}
