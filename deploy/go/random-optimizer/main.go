// An optimizer of maggy, named "go-random", that suggests random points; what its messages mean: protocol/pages/optimizer.md.
package main

import (
	"fmt"
	"hash/fnv"
	"log"
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/vmihailenco/msgpack/v5"
)

type parameter struct {
	Type    string    `msgpack:"type"`
	Low     float64   `msgpack:"low"`
	High    float64   `msgpack:"high"`
	Step    float64   `msgpack:"step"`
	Log     bool      `msgpack:"log"`
	Values  []float64 `msgpack:"values"`
	Choices []any     `msgpack:"choices"`
	Value   any       `msgpack:"value"`
	Where   []any     `msgpack:"where"`
	When    struct {
		Parameter string `msgpack:"parameter"`
		In        []any  `msgpack:"in"`
	} `msgpack:"when"`
}
type request struct {
	Experiment string               `msgpack:"experiment"`
	Space      map[string]parameter `msgpack:"space"`
	Seed       uint64               `msgpack:"seed"`
	Trial      float64              `msgpack:"trial"`
	Count      float64              `msgpack:"count"`
	Closed     bool                 `msgpack:"closed"`
	Told       []reply              `msgpack:"observations"`
}
type reply = map[string]any

func refusal(code, message string) reply {
	return reply{"error": reply{"code": code, "message": message, "retryable": false}}
}

// value is the parameter's value at u of [0, 1).
func (p parameter) value(u float64) any {
	switch p.Type {
	case "constant":
		return p.Value
	case "categorical":
		return p.Choices[int(u*float64(len(p.Choices)))]
	case "discrete":
		return p.Values[int(u*float64(len(p.Values)))]
	}
	step, x := max(p.Step, map[string]float64{"integer": 1}[p.Type]), p.Low+u*(p.High-p.Low)
	if p.Log {
		x = p.Low * math.Exp(u*math.Log(p.High/p.Low))
	}
	if step > 0 {
		last := math.Floor((p.High-p.Low)/step + 1e-9)
		index := math.Floor(u * (last + 1))
		if p.Log {
			index = min(last, math.Round((x-p.Low)/step))
		}
		x = p.Low + index*step
	}
	return min(p.High, max(p.Low, x))
}

// sample draws a point, the same for the same seed and trial; parents come before their children.
func sample(space map[string]parameter, seed uint64, trial float64) map[string]any {
	point, placed := map[string]any{}, map[string]bool{"": true}
	for len(placed) <= len(space) {
		for name, p := range space {
			if placed[name] || !placed[p.When.Parameter] {
				continue
			}
			placed[name] = true
			parent, active := point[p.When.Parameter]
			active = active && slices.ContainsFunc(p.When.In, func(wanted any) bool {
				return fmt.Sprintf("%#v", parent) == fmt.Sprintf("%#v", wanted) // 1 is 1.0, and neither true nor "1"
			})
			if active || p.When.Parameter == "" {
				hash := fnv.New64a() // each name has a number of its own, for the order of Go's maps is random
				hash.Write([]byte(name))
				point[name] = p.value(rand.New(rand.NewPCG(seed^hash.Sum64(), uint64(trial))).Float64())
			}
		}
	}
	return point
}

func main() {
	name, instance, experiments := "go-random", fmt.Sprintf("go-%x", rand.Uint64()), sync.Map{}
	bus, err := nats.Connect(os.Getenv("MAGGY_SERVER"), nats.MaxReconnects(-1), nats.Name(name))
	if err != nil {
		log.Fatal(err)
	}
	answer := func(subject, queue string, handle func(request) reply) {
		bus.QueueSubscribe("maggy.v1.call.optimizer."+name+"."+subject, queue, func(message *nats.Msg) {
			asked, said := request{}, refusal("MESSAGE_INVALID", "it is no request")
			if msgpack.Unmarshal(message.Data, &asked) == nil && regexp.MustCompile(`^[\w-]{1,128}$`).MatchString(asked.Experiment) {
				said = handle(asked)
			}
			data, _ := msgpack.Marshal(said)
			message.Respond(data)
		})
	}
	answer(instance+".suggest", "", func(asked request) reply {
		opened, there := experiments.Load(asked.Experiment)
		if !there {
			return refusal("EXPERIMENT_UNKNOWN", "it is to be opened (again)")
		}
		if asked.Count < 1 || asked.Count > 1024 || asked.Count != math.Floor(asked.Count) || asked.Trial < 0 {
			return refusal("MESSAGE_INVALID", "trial and count are whole numbers, count is 1 to 1024")
		}
		points := []any{}
		for trial := asked.Trial; trial < asked.Trial+asked.Count; trial++ {
			points = append(points, sample(opened.(request).Space, opened.(request).Seed, trial))
		}
		return reply{"ok": reply{"hparams": points, "exhausted": false}}
	})
	answer(instance+".observe", "", func(asked request) reply {
		if _, there := experiments.Load(asked.Experiment); !there && !asked.Closed {
			return refusal("EXPERIMENT_UNKNOWN", "it is to be opened (again)")
		}
		if asked.Told == nil || slices.ContainsFunc(asked.Told, func(one reply) bool { return one["state"] == nil }) {
			return refusal("MESSAGE_INVALID", "observations are a list, each with a state")
		}
		if asked.Closed {
			experiments.Delete(asked.Experiment)
		}
		return reply{"ok": reply{}}
	})
	answer("open", "optimizer", func(asked request) reply { // last: whoever hears of the instance asks it at once
		for name, p := range asked.Space {
			if len(p.Where) > 0 {
				return refusal("OPTIMIZER_UNFIT", "space."+name+".where: this optimizer keeps no constraints")
			}
		}
		experiments.Store(asked.Experiment, asked)
		return reply{"ok": reply{"instance": instance, "adaptive": false}}
	})
	select {}
}
