// Both stories of Custom Vision, told by Microsoft's clients for Go to the server that standard input names: one client after
// the other, by reflection, since each has types of its own. A step stands on those before; what is not as expected ends the
// program, and no method of a client may go uncalled.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"time"

	prediction20 "github.com/Azure/azure-sdk-for-go/services/cognitiveservices/v1.1/customvision/prediction"
	training20 "github.com/Azure/azure-sdk-for-go/services/cognitiveservices/v1.2/customvision/training"
	training21 "github.com/Azure/azure-sdk-for-go/services/cognitiveservices/v2.1/customvision/training"
	training22 "github.com/Azure/azure-sdk-for-go/services/cognitiveservices/v2.2/customvision/training"
	prediction30 "github.com/Azure/azure-sdk-for-go/services/cognitiveservices/v3.0/customvision/prediction"
	training30 "github.com/Azure/azure-sdk-for-go/services/cognitiveservices/v3.0/customvision/training"
	prediction31 "github.com/Azure/azure-sdk-for-go/services/cognitiveservices/v3.1/customvision/prediction"
	training31 "github.com/Azure/azure-sdk-for-go/services/cognitiveservices/v3.1/customvision/training"
	training32 "github.com/Azure/azure-sdk-for-go/services/cognitiveservices/v3.2/customvision/training"
	training33 "github.com/Azure/azure-sdk-for-go/services/cognitiveservices/v3.3/customvision/training"
	training34 "github.com/Azure/azure-sdk-for-go/services/preview/cognitiveservices/v3.4-preview/customvision/training"
	"github.com/Azure/go-autorest/autorest"
)

type picture struct {
	Name, File, URL, Tag string
	Regions              []map[string]any
}

type pictures struct{ Learned, Unseen []picture }

type given struct {
	Endpoint, TrainingKey, PredictionKey string
	Classification, Detection            pictures
}

type fields = map[string]any

// client is one of Microsoft's, and which of its methods were called.
type client struct {
	methods reflect.Value
	called  map[string]bool
}

func newClient(methods any) client { return client{reflect.ValueOf(methods), map[string]bool{}} }

func (c client) has(name string) bool { return c.methods.MethodByName(name).IsValid() }

// try calls a method; what is given beyond its parameters is left out, what is missing is nothing.
func (c client) try(name string, args ...any) (reflect.Value, error) {
	c.called[name] = true
	method := c.methods.MethodByName(name)
	in := []reflect.Value{reflect.ValueOf(context.Background())}
	for n := 1; n < method.Type().NumIn(); n++ {
		var arg any
		if n <= len(args) {
			arg = args[n-1]
		}
		in = append(in, converted(arg, method.Type().In(n)))
	}
	out := method.Call(in)
	err, _ := out[1].Interface().(error)
	return out[0], err
}

func (c client) call(name string, args ...any) reflect.Value {
	result, err := c.try(name, args...)
	check(err, name)
	return result
}

// neverCalled are the operations of a client that no story told.
func (c client) neverCalled() (names []string) {
	for n := 0; n < c.methods.NumMethod(); n++ {
		name := c.methods.Type().Method(n).Name
		if c.has(name+"Preparer") && !c.called[name] {
			names = append(names, name)
		}
	}
	return names
}

// converted is an argument as a parameter wants it: streams of bytes, ids of text, all else by way of JSON.
func converted(arg any, wanted reflect.Type) reflect.Value {
	if arg == nil {
		return reflect.Zero(wanted)
	}
	if content, ok := arg.([]byte); ok && wanted.Kind() == reflect.Interface {
		return reflect.ValueOf(io.NopCloser(bytes.NewReader(content)))
	}
	encoded, err := json.Marshal(arg)
	check(err, "arguments")
	value := reflect.New(wanted)
	check(json.Unmarshal(encoded, value.Interface()), fmt.Sprintf("%v as %v", arg, wanted))
	return value.Elem()
}

// get is what a path of fields and indices leads to, as text.
func get(value reflect.Value, path ...any) string {
	found := at(value, path...)
	if !found.IsValid() {
		return ""
	}
	return fmt.Sprint(found.Interface())
}

func at(value reflect.Value, path ...any) reflect.Value {
	for value.IsValid() && value.Kind() == reflect.Pointer {
		value = value.Elem()
	}
	if len(path) == 0 || !value.IsValid() {
		return value
	}
	if name, ok := path[0].(string); ok {
		return at(value.FieldByName(name), path[1:]...)
	}
	return at(value.Index(path[0].(int)), path[1:]...)
}

// list is what a path of fields leads to, entry by entry.
func list(value reflect.Value, path ...any) (entries []reflect.Value) {
	found := at(value, path...)
	for n := 0; found.IsValid() && n < found.Len(); n++ {
		entries = append(entries, found.Index(n))
	}
	return entries
}

func each(entries []reflect.Value, path ...any) (texts []string) {
	for _, entry := range entries {
		texts = append(texts, get(entry, path...))
	}
	return texts
}

func check(err error, what string) {
	if err != nil {
		log.Panicf("%s: %v", what, err)
	}
}

func expect(what string, wanted, received any) {
	if fmt.Sprint(wanted) != fmt.Sprint(received) {
		log.Panicf("%s: expected %v but received %v", what, wanted, received)
	}
}

func refused(status int, work func() (reflect.Value, error)) {
	_, err := work()
	if err == nil {
		log.Panicf("expected %d but it was done", status)
	}
	expect("status", status, err.(autorest.DetailedError).StatusCode)
}

func until(ask func() reflect.Value, passes func(reflect.Value) bool) reflect.Value {
	for end := time.Now().Add(5 * time.Minute); ; time.Sleep(100 * time.Millisecond) {
		if answer := ask(); passes(answer) {
			return answer
		} else if time.Now().After(end) {
			log.Panicf("expected another answer within minutes but received %v", answer)
		}
	}
}

func (p picture) read() []byte {
	content, err := os.ReadFile(p.File)
	check(err, p.File)
	return content
}

func download(address string) []byte {
	response, err := http.Get(address)
	check(err, address)
	defer response.Body.Close()
	expect(address, 200, response.StatusCode)
	content, err := io.ReadAll(response.Body)
	check(err, address)
	return content
}

// story is told with one client for training and one for prediction.
type story struct {
	version              string
	training, prediction client
}

func (s story) trained(project string) string {
	begun := s.training.call("TrainProject", project)
	iteration := get(begun, "ID")
	expect("status", "Training", get(begun, "Status"))
	ended := until(
		func() reflect.Value { return s.training.call("GetIteration", project, iteration) },
		func(one reflect.Value) bool { return get(one, "Status") != "Training" },
	)
	expect("status", "Completed", get(ended, "Status"))
	return iteration
}

// publish makes an iteration answer: under a name, or before there were names as the default of its project.
func (s story) publish(project, iteration string) {
	changes := fields{"name": "First", "isDefault": true}
	renamed := s.training.call("UpdateIteration", project, iteration, changes)
	expect("name", "First", get(renamed, "Name"))
	if s.training.has("PublishIteration") {
		expect("published", true, get(s.training.call("PublishIteration", project, iteration, "live", "resource"), "Value"))
	}
}

func (s story) unpublish(project, iteration string) {
	if s.training.has("UnpublishIteration") {
		s.training.call("UnpublishIteration", project, iteration)
	} else {
		s.training.call("UpdateIteration", project, iteration, fields{"name": "First", "isDefault": false})
	}
}

// predictions are those of a picture, sent and fetched, stored and not; the first one is stored.
func (s story) predictions(verb, project string, one picture) (answers []reflect.Value) {
	for _, kind := range []string{"", "URL", "WithNoStore", "URLWithNoStore"} {
		var what any = one.read()
		if strings.HasPrefix(kind, "URL") {
			what = fields{"url": one.URL}
		}
		if s.prediction.has("PredictImage") {
			answers = append(answers, s.prediction.call("PredictImage"+kind, project, what, nil, "story"))
		} else {
			answers = append(answers, s.prediction.call(verb+"Image"+kind, project, "live", what, "story"))
		}
	}
	return answers
}

func (s story) exported(project, iteration string) {
	begun := s.training.call("ExportIteration", project, iteration, "ONNX")
	expect("status", "Exporting", get(begun, "Status"))
	done := until(
		func() reflect.Value { return s.training.call("GetExports", project, iteration) },
		func(all reflect.Value) bool { return get(all, "Value", 0, "Status") != "Exporting" },
	)
	expect("status", "Done", get(done, "Value", 0, "Status"))
	expect("zip", "PK", string(download(get(done, "Value", 0, "DownloadURI"))[:2]))
}

func (s story) domain(kind string) string {
	for _, one := range list(s.training.call("GetDomains"), "Value") {
		if get(one, "Type") == kind && get(one, "Name") == "General (compact)" {
			expect("domain", "General (compact)", get(s.training.call("GetDomain", get(one, "ID")), "Name"))
			return get(one, "ID")
		}
	}
	log.Panicf("expected a compact domain for %s", kind)
	return ""
}

func (s story) classification(shown pictures) {
	t := s.training
	domain := s.domain("Classification")
	project := get(t.call("CreateProject", "Things "+s.version, "three of them", domain, "Multiclass"), "ID")
	expect("listed", true, strings.Contains(fmt.Sprint(each(list(t.call("GetProjects"), "Value"), "ID")), project))
	settings := fields{"domainId": domain, "classificationType": "Multiclass"}
	changes := fields{"name": "Changed " + s.version, "description": "changed", "settings": settings}
	expect("name", "Changed "+s.version, get(t.call("UpdateProject", project, changes), "Name"))
	expect("description", "changed", get(t.call("GetProject", project), "Description"))

	tags := map[string]string{}
	for _, one := range shown.Learned {
		if tags[one.Tag] == "" {
			tags[one.Tag] = get(t.call("CreateTag", project, one.Tag, "a "+one.Tag), "ID")
		}
	}
	spare := get(t.call("CreateTag", project, "Spare"), "ID")
	renamed := fields{"name": "Changed", "description": "now", "type": "Regular"}
	expect("tag", "Changed", get(t.call("UpdateTag", project, spare, renamed), "Name"))
	expect("description", "now", get(t.call("GetTag", project, spare), "Description"))
	t.call("DeleteTag", project, spare)
	refused(404, func() (reflect.Value, error) { return t.try("GetTag", project, spare) })
	tagList := t.call("GetTags", project)
	if at(tagList, "Tags").IsValid() {
		expect("tags", len(tags), len(list(tagList, "Tags")))
	} else {
		expect("tags", len(tags), len(list(tagList, "Value")))
	}

	first, second, third, rest := shown.Learned[0], shown.Learned[1], shown.Learned[2], shown.Learned[3:]
	made := t.call("CreateImagesFromData", project, first.read(), []string{tags[first.Tag]})
	expect("first", "OK", get(made, "Images", 0, "Status"))
	address := fields{"url": second.URL, "tagIds": []string{tags[second.Tag]}}
	made = t.call("CreateImagesFromUrls", project, fields{"images": []fields{address}})
	expect("second", "OK", get(made, "Images", 0, "Status"))
	made = t.call("CreateImagesFromFiles", project, fields{"images": []fields{{"name": third.Name, "contents": third.read()}}})
	untagged := get(made, "Images", 0, "Image", "ID")
	entries := []fields{}
	for _, one := range rest {
		entries = append(entries, fields{"name": one.Name, "contents": one.read(), "tagIds": []string{tags[one.Tag]}})
	}
	expect("rest", true, get(t.call("CreateImagesFromFiles", project, fields{"images": entries}), "IsBatchSuccessful"))

	expect("tagged", len(shown.Learned)-1, get(t.call("GetTaggedImageCount", project), "Value"))
	expect("untagged", 1, get(t.call("GetUntaggedImageCount", project), "Value"))
	expect("untagged", []string{untagged}, each(list(t.call("GetUntaggedImages", project), "Value"), "ID"))
	pair := fields{"imageId": untagged, "tagId": tags[third.Tag]}
	expect("tagged", 1, len(list(t.call("CreateImageTags", project, fields{"tags": []fields{pair}}), "Created")))
	t.call("DeleteImageTags", project, []string{untagged}, []string{tags[third.Tag]})
	t.call("CreateImageTags", project, fields{"tags": []fields{pair}})
	oldest := list(t.call("GetTaggedImages", project, nil, nil, "Oldest", 1), "Value")
	original := get(oldest[0], "OriginalImageURI")
	if original == "" {
		original = get(oldest[0], "ImageURI")
	}
	expect("bytes", true, bytes.Equal(first.read(), download(original)))
	id := get(oldest[0], "ID")
	expect("by id", []string{id}, each(list(t.call("GetImagesByIds", project, []string{id}), "Value"), "ID"))
	s.newer(project, id, original, first, len(shown.Learned))

	iteration := s.trained(project)
	expect("iterations", []string{iteration}, each(list(t.call("GetIterations", project), "Value"), "ID"))
	performance := t.call("GetIterationPerformance", project, iteration, 0.5, 0.3)
	expect("tags", len(tags), len(list(performance, "PerTagPerformance")))
	expect("pictures", len(shown.Learned), len(list(t.call("GetImagePerformances", project, iteration, nil, nil, 256), "Value")))
	expect("pictures", len(shown.Learned), get(t.call("GetImagePerformanceCount", project, iteration), "Value"))
	s.publish(project, iteration)

	one := shown.Unseen[0]
	answers := s.predictions("Classify", project, one)
	answers = append(answers,
		t.call("QuickTestImage", project, one.read(), iteration, false),
		t.call("QuickTestImageURL", project, fields{"url": one.URL}, iteration, false))
	for _, answer := range answers {
		expect("best guess", one.Tag, get(answer, "Predictions", 0, "TagName"))
		expect("probability", get(answers[0], "Predictions", 0, "Probability"), get(answer, "Predictions", 0, "Probability"))
	}
	stored := each(list(t.call("QueryPredictions", project, fields{"orderBy": "Newest"}), "Results"), "ID")
	expect("ours is stored", true, strings.Contains(fmt.Sprint(stored), get(answers[0], "ID")))
	learned := fields{"id": get(answers[0], "ID"), "tagIds": []string{tags[one.Tag]}}
	made = t.call("CreateImagesFromPredictions", project, fields{"images": []fields{learned}})
	expect("learned", "OK", get(made, "Images", 0, "Status"))
	t.call("DeletePrediction", project, stored)
	expect("stored", 0, len(list(t.call("QueryPredictions", project, fields{}), "Results")))

	s.exported(project, iteration)
	s.unpublish(project, iteration)
	t.call("DeleteIteration", project, iteration)
	t.call("DeleteImages", project, []string{id})
	expect("left", len(shown.Learned), get(t.call("GetTaggedImageCount", project), "Value"))
	t.call("DeleteProject", project)
	refused(404, func() (reflect.Value, error) { return t.try("GetProject", project) })
}

// newer tells what later versions have, if this is one: all images, metadata, artifacts, copies.
func (s story) newer(project, image, original string, first picture, count int) {
	t := s.training
	if t.has("GetImages") {
		expect("all", count, len(list(t.call("GetImages", project, nil, nil, "All", "", "", 256), "Value")))
		expect("all", count, get(t.call("GetImageCount", project), "Value"))
	}
	if t.has("UpdateImageMetadata") {
		changed := t.call("UpdateImageMetadata", project, []string{image}, fields{"shelf": "7"})
		expect("metadata", true, get(changed, "IsBatchSuccessful"))
	}
	if t.has("GetArtifact") {
		where, err := url.Parse(original)
		check(err, original)
		content, err := io.ReadAll(at(t.call("GetArtifact", project, where.Path[1:]), "Value").Interface().(io.Reader))
		check(err, "artifact")
		expect("artifact", true, bytes.Equal(first.read(), content))
	}
	if t.has("ExportProject") {
		token := get(t.call("ExportProject", project), "Token")
		begun := get(t.call("ImportProject", token, "A copy "+s.version), "ID")
		copied := until(
			func() reflect.Value { return t.call("GetProject", begun) },
			func(one reflect.Value) bool { return get(one, "Status") != "Importing" },
		)
		expect("copied", "Succeeded", get(copied, "Status"))
		t.call("DeleteProject", begun)
	}
}

func (s story) detection(shown pictures) {
	t := s.training
	project := get(t.call("CreateProject", "Where "+s.version, "", s.domain("ObjectDetection")), "ID")
	tags := map[string]string{}
	entries := []fields{}
	for _, one := range shown.Learned {
		regions := []fields{}
		for _, region := range one.Regions {
			name := region["tag"].(string)
			if tags[name] == "" {
				tags[name] = get(t.call("CreateTag", project, name), "ID")
			}
			regions = append(regions, fields{"tagId": tags[name], "left": region["left"], "top": region["top"],
				"width": region["width"], "height": region["height"]})
		}
		entries = append(entries, fields{"name": one.Name, "contents": one.read(), "regions": regions})
	}
	made := t.call("CreateImagesFromFiles", project, fields{"images": entries})
	image := get(made, "Images", 0, "Image", "ID")
	expect("regions", len(shown.Learned[0].Regions), len(list(made, "Images", 0, "Image", "Regions")))
	expect("proposed", true, len(list(t.call("GetImageRegionProposals", project, image), "Proposals")) > 0)
	entry := fields{"imageId": image, "tagId": tags["light"], "left": 0.25, "top": 0.5, "width": 0.25, "height": 0.5}
	region := get(t.call("CreateImageRegions", project, fields{"regions": []fields{entry}}), "Created", 0, "RegionID")
	t.call("DeleteImageRegions", project, []string{region})

	iteration := s.trained(project)
	s.publish(project, iteration)
	one := shown.Unseen[1]
	answers := s.predictions("Detect", project, one)
	answers = append(answers, t.call("QuickTestImage", project, one.read(), iteration, false))
	for _, answer := range answers {
		expect("boxes", true, len(list(answer, "Predictions")) > 0)
		for _, side := range []string{"Left", "Top", "Width", "Height"} {
			path := []any{"Predictions", 0, "BoundingBox", side}
			expect(side, get(answers[0], path...), get(answer, path...))
		}
	}
	if t.has("SuggestTagsAndRegions") {
		made := t.call("CreateImagesFromFiles", project, fields{"images": []fields{{"contents": one.read()}}})
		untagged := get(made, "Images", 0, "Image", "ID")
		suggested := t.call("SuggestTagsAndRegions", project, iteration, []string{untagged})
		expect("suggested", len(list(answers[0], "Predictions")), len(list(suggested, "Value", 0, "Predictions")))
		ids := []string{get(answers[0], "Predictions", 0, "TagID")}
		query := fields{"tagIds": ids, "threshold": 0.01, "maxCount": 10, "sortBy": "UncertaintyDescending"}
		found := t.call("QuerySuggestedImages", project, iteration, query)
		expect("suggested", []string{untagged}, each(list(found, "Results"), "ID"))
		counts := t.call("QuerySuggestedImageCount", project, iteration, fields{"tagIds": ids, "threshold": 0.01})
		expect("counted", 1, at(counts, "Value").Len())
	}
	s.exported(project, iteration)
	s.unpublish(project, iteration)
	t.call("DeleteIteration", project, iteration)
	t.call("DeleteProject", project)
}

func main() {
	var input given
	check(json.NewDecoder(os.Stdin).Decode(&input), "input")
	key := func(name, value string) autorest.Authorizer {
		return autorest.NewAPIKeyAuthorizerWithHeaders(fields{name: value})
	}
	endpoint := input.Endpoint
	t32, t33, t34 := training32.New(endpoint), training33.New(endpoint), training34.New(endpoint)
	for _, one := range []*autorest.Client{&t32.Client, &t33.Client, &t34.Client} {
		one.Authorizer = key("Training-Key", input.TrainingKey)
	}
	p30, p31 := prediction30.New(endpoint), prediction31.New(endpoint)
	p30.Authorizer, p31.Authorizer = key("Prediction-Key", input.PredictionKey), key("Prediction-Key", input.PredictionKey)
	first, then, last := newClient(prediction20.New(input.PredictionKey, endpoint)), newClient(p30), newClient(p31)
	stories := []story{
		{"2.0", newClient(training20.NewWithBaseURI(endpoint+"/customvision/v2.0/Training", input.TrainingKey)), first},
		{"2.1", newClient(training21.NewWithBaseURI(endpoint+"/customvision/v2.1/Training", input.TrainingKey)), first},
		{"2.2", newClient(training22.New(input.TrainingKey, endpoint)), first},
		{"3.0", newClient(training30.New(input.TrainingKey, endpoint)), then},
		{"3.1", newClient(training31.New(input.TrainingKey, endpoint)), last},
		{"3.2", newClient(t32), last},
		{"3.3", newClient(t33), last},
		{"3.4-preview", newClient(t34), last},
	}
	for _, one := range stories {
		log.SetPrefix(one.version + ": ")
		one.classification(input.Classification)
		one.detection(input.Detection)
		expect("never called", "[]", one.training.neverCalled())
		fmt.Printf("training %s: %d methods called\n", one.version, len(one.training.called))
	}
	for _, one := range []client{first, then, last} {
		expect("never called", "[]", one.neverCalled())
	}
}
