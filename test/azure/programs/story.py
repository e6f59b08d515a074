"""Both stories of Custom Vision, told by Microsoft's clients for Python to the server that standard input names.

A step stands on those before; what is not as expected raises, and no method of the clients may go uncalled.
"""

import json
import sys
import time
import urllib.request

from azure.cognitiveservices.vision.customvision.prediction import CustomVisionPredictionClient
from azure.cognitiveservices.vision.customvision.prediction.operations import CustomVisionPredictionClientOperationsMixin
from azure.cognitiveservices.vision.customvision.training import CustomVisionTrainingClient
from azure.cognitiveservices.vision.customvision.training import models
from azure.cognitiveservices.vision.customvision.training.operations import CustomVisionTrainingClientOperationsMixin
from msrest.authentication import ApiKeyCredentials

called = set()


def noting(kind):
    """The clients of a kind, which add the name of each of their attributes that is used to `called`."""

    class Noting(kind):
        def __getattribute__(self, name):
            called.add(name)
            return super().__getattribute__(name)

    return Noting


def operations(mixin):
    return [name for name in vars(mixin) if not name.startswith("_")]


def expect(what, wanted, received):
    if wanted != received:
        raise AssertionError(f"{what}: expected {wanted!r} but received {received!r}")


def refused(status, code, work):
    """Checks that `work` is refused with this status and Azure's code."""
    try:
        work()
    except models.CustomVisionErrorException as error:
        expect("status", status, error.response.status_code)
        expect("code", code, error.error.code)
        return
    raise AssertionError(f"expected {code} but it was done")


def until(ask, passes, seconds=300):
    end = time.monotonic() + seconds
    while not passes(answer := ask()):
        if time.monotonic() > end:
            raise AssertionError(f"expected another answer within {seconds} s but received {answer}")
        time.sleep(0.1)
    return answer


def read(picture):
    with open(picture["file"], "rb") as file:
        return file.read()


def download(url):
    with urllib.request.urlopen(url) as response:
        return response.read()


def trained(training, project_id):
    begun = training.train_project(project_id, force_train=False)
    expect("status", "Training", begun.status)
    ended = until(lambda: training.get_iteration(project_id, begun.id), lambda one: one.status != "Training")
    expect("status", "Completed", ended.status)
    return ended


def exported(training, project_id, iteration_id):
    expect("status", "Exporting", training.export_iteration(project_id, iteration_id, "ONNX").status)
    done = until(lambda: training.get_exports(project_id, iteration_id)[0], lambda one: one.status != "Exporting")
    expect("status", "Done", done.status)
    expect("zip", b"PK", download(done.download_uri)[:2])


def classification(training, prediction, learned, unseen):
    compact = next(
        one for one in training.get_domains() if one.type == "Classification" and one.name == "General (compact)"
    )
    expect("domain", compact.name, training.get_domain(compact.id).name)
    project = training.create_project(
        "Things", description="three of them", domain_id=compact.id, classification_type="Multiclass"
    )
    expect("classification type", "Multiclass", training.get_project(project.id).settings.classification_type)
    expect("listed", True, project.id in [one.id for one in training.get_projects()])
    project.description = "renamed"
    expect("description", "renamed", training.update_project(project.id, project).description)

    tags = {name: training.create_tag(project.id, name, description=f"a {name}") for name in ("Apple", "Leaf", "Mug")}
    spare = training.create_tag(project.id, "Spare")
    spare.name, spare.description = "Changed", "the client wants one"
    expect("tag", "Changed", training.update_tag(project.id, spare.id, spare).name)
    training.delete_tag(project.id, spare.id)
    refused(404, "NotFoundTag", lambda: training.get_tag(project.id, spare.id))
    expect("tags", sorted(tags), sorted(one.name for one in training.get_tags(project.id)))

    first, second, third, *rest = learned
    tag_ids = lambda picture: [tags[picture["tag"]].id]
    with open(first["file"], "rb") as file:
        made = training.create_images_from_data(project.id, file, tag_ids=tag_ids(first))
    expect("status", ["OK"], [one.status for one in made.images])
    address = models.ImageUrlCreateEntry(url=second["url"], tag_ids=tag_ids(second))
    made = training.create_images_from_urls(project.id, models.ImageUrlCreateBatch(images=[address]))
    expect("status", ["OK"], [one.status for one in made.images])
    entries = [
        models.ImageFileCreateEntry(name=one["name"], contents=read(one), tag_ids=tag_ids(one)) for one in rest
    ]
    made = training.create_images_from_files(project.id, models.ImageFileCreateBatch(images=entries))
    expect("all there", True, made.is_batch_successful)
    again = training.create_images_from_files(project.id, models.ImageFileCreateBatch(images=entries[:1]))
    expect("status", ["OKDuplicate"], [one.status for one in again.images])
    untagged = models.ImageFileCreateEntry(name=third["name"], contents=read(third))
    batch = models.ImageFileCreateBatch(images=[untagged])
    untagged_id = training.create_images_from_files(project.id, batch).images[0].image.id

    expect("tagged", len(learned) - 1, training.get_tagged_image_count(project.id))
    expect("untagged", 1, training.get_untagged_image_count(project.id))
    expect("untagged", [untagged_id], [one.id for one in training.get_untagged_images(project.id)])
    expect("all", len(learned), len(training.get_images(project.id, take=256)))
    expect("all", len(learned), training.get_image_count(project.id))
    pair = models.ImageTagCreateEntry(image_id=untagged_id, tag_id=tag_ids(third)[0])
    expect("tagged", 1, len(training.create_image_tags(project.id, tags=[pair]).created))
    training.delete_image_tags(project.id, [untagged_id], [pair.tag_id])
    expect("untagged", 1, training.get_untagged_image_count(project.id))
    training.create_image_tags(project.id, tags=[pair])
    oldest = training.get_tagged_images(project.id, order_by="Oldest", take=1)[0]
    expect("bytes", read(first), download(oldest.original_image_uri))
    expect("done", True, training.update_image_metadata(project.id, [oldest.id], {"shelf": "7"}).is_batch_successful)
    expect("metadata", {"shelf": "7"}, training.get_images_by_ids(project.id, [oldest.id])[0].metadata)
    path = oldest.original_image_uri.split("/", 3)[3].split("?")[0]
    expect("artifact", read(first), b"".join(training.get_artifact(project.id, path)))

    token = training.export_project(project.id).token
    begun = training.import_project(token, name="A copy")
    copy = until(lambda: training.get_project(begun.id), lambda one: one.status != "Importing")
    expect("copy", ["A copy", "Succeeded"], [copy.name, copy.status])
    expect("copied", len(learned), training.get_image_count(copy.id))
    training.delete_project(copy.id)

    iteration = trained(training, project.id)
    refused(400, "BadRequestTrainingNotNeeded", lambda: training.train_project(project.id))
    expect("iterations", [iteration.id], [one.id for one in training.get_iterations(project.id)])
    performance = training.get_iteration_performance(project.id, iteration.id, threshold=0.5, overlap_threshold=0.3)
    expect("tags", sorted(tags), sorted(one.name for one in performance.per_tag_performance))
    expect("pictures", len(learned), len(training.get_image_performances(project.id, iteration.id, take=256)))
    expect("pictures", len(learned), training.get_image_performance_count(project.id, iteration.id))
    expect("name", "First", training.update_iteration(project.id, iteration.id, "First").name)
    expect("published", True, training.publish_iteration(project.id, iteration.id, "things", "resource"))

    picture = unseen[0]
    answers = [
        prediction.classify_image(project.id, "things", read(picture), application="story"),
        prediction.classify_image_with_no_store(project.id, "things", read(picture)),
        prediction.classify_image_url(project.id, "things", picture["url"]),
        prediction.classify_image_url_with_no_store(project.id, "things", picture["url"]),
        training.quick_test_image(project.id, read(picture), iteration_id=iteration.id, store=False),
        training.quick_test_image_url(project.id, picture["url"], iteration_id=iteration.id, store=False),
    ]
    for answer in answers:
        expect("best guess", picture["tag"], answer.predictions[0].tag_name)
        expect("probability", answers[0].predictions[0].probability, answer.predictions[0].probability)
    stored = training.query_predictions(project.id, models.PredictionQueryToken(order_by="Newest")).results
    expect("stored", 2, len(stored))
    expect("ours", True, answers[0].id in [one.id for one in stored])
    entry = models.ImageIdCreateEntry(id=answers[0].id, tag_ids=tag_ids(picture))
    made = training.create_images_from_predictions(project.id, models.ImageIdCreateBatch(images=[entry]))
    expect("status", ["OK"], [one.status for one in made.images])
    training.delete_prediction(project.id, [one.id for one in stored])
    expect("stored", [], training.query_predictions(project.id, models.PredictionQueryToken()).results)

    exported(training, project.id, iteration.id)
    refused(400, "BadRequestIterationIsPublished", lambda: training.delete_iteration(project.id, iteration.id))
    training.unpublish_iteration(project.id, iteration.id)
    training.delete_iteration(project.id, iteration.id)
    training.delete_images(project.id, image_ids=[oldest.id])
    expect("left", len(learned), training.get_tagged_image_count(project.id))
    training.delete_images(project.id, all_images=True, all_iterations=True)
    expect("left", 0, training.get_image_count(project.id))
    training.delete_project(project.id)
    refused(404, "NotFoundProject", lambda: training.get_project(project.id))


def detection(training, prediction, learned, unseen):
    domain = next(
        one for one in training.get_domains() if one.type == "ObjectDetection" and one.name == "General (compact)"
    )
    project = training.create_project("Where things are", domain_id=domain.id)
    names = sorted({region["tag"] for one in learned for region in one["regions"]})
    tags = {name: training.create_tag(project.id, name).id for name in names}

    def regions(picture):
        return [
            models.Region(tag_id=tags[one["tag"]], **{side: one[side] for side in ("left", "top", "width", "height")})
            for one in picture["regions"]
        ]

    entries = [
        models.ImageFileCreateEntry(name=one["name"], contents=read(one), regions=regions(one)) for one in learned
    ]
    made = training.create_images_from_files(project.id, models.ImageFileCreateBatch(images=entries))
    image = made.images[0].image
    expect("regions", len(learned[0]["regions"]), len(image.regions))
    expect("proposals", True, len(training.get_image_region_proposals(project.id, image.id).proposals) > 0)
    entry = models.ImageRegionCreateEntry(
        image_id=image.id, tag_id=tags[names[0]], left=0.25, top=0.5, width=0.25, height=0.5
    )
    region = training.create_image_regions(project.id, regions=[entry]).created[0]
    training.delete_image_regions(project.id, [region.region_id])
    left = training.get_images_by_ids(project.id, [image.id])[0].regions
    expect("regions", sorted(one.region_id for one in image.regions), sorted(one.region_id for one in left))

    iteration = trained(training, project.id)
    performance = training.get_iteration_performance(project.id, iteration.id, threshold=0.3, overlap_threshold=0.5)
    expect("tags", names, sorted(one.name for one in performance.per_tag_performance))
    training.publish_iteration(project.id, iteration.id, "live", "resource")
    picture = unseen[1]
    answers = [
        prediction.detect_image(project.id, "live", read(picture), application="story"),
        prediction.detect_image_with_no_store(project.id, "live", read(picture)),
        prediction.detect_image_url(project.id, "live", picture["url"]),
        prediction.detect_image_url_with_no_store(project.id, "live", picture["url"]),
        training.quick_test_image(project.id, read(picture), iteration_id=iteration.id, store=False),
    ]
    boxes = [[one.bounding_box.as_dict() for one in answer.predictions] for answer in answers]
    expect("boxes", True, len(boxes[0]) > 0)
    expect("boxes", [boxes[0]] * len(boxes), boxes)

    made = training.create_images_from_files(
        project.id, models.ImageFileCreateBatch(images=[models.ImageFileCreateEntry(contents=read(picture))])
    )
    image_id = made.images[0].image.id
    suggestion = training.suggest_tags_and_regions(project.id, iteration.id, [image_id])[0]
    expect("suggested", boxes[0], [one.bounding_box.as_dict() for one in suggestion.predictions])
    tag_ids = [answers[0].predictions[0].tag_id]
    query = models.SuggestedTagAndRegionQueryToken(
        tag_ids=tag_ids, threshold=0.01, max_count=10, sort_by="UncertaintyDescending"
    )
    results = training.query_suggested_images(project.id, iteration.id, query).results
    expect("suggested", [image_id], [one.id for one in results])
    counts = training.query_suggested_image_count(project.id, iteration.id, tag_ids=tag_ids, threshold=0.01)
    expect("suggested", {tag_ids[0]: 1}, counts)

    exported(training, project.id, iteration.id)
    training.unpublish_iteration(project.id, iteration.id)
    training.delete_iteration(project.id, iteration.id)
    training.delete_project(project.id)


def main():
    given = json.load(sys.stdin)
    endpoint = given["endpoint"]
    training = noting(CustomVisionTrainingClient)(
        endpoint, ApiKeyCredentials(in_headers={"Training-key": given["trainingKey"]})
    )
    prediction = noting(CustomVisionPredictionClient)(
        endpoint, ApiKeyCredentials(in_headers={"Prediction-key": given["predictionKey"]})
    )
    classification(training, prediction, **given["classification"])
    detection(training, prediction, **given["detection"])
    names = [
        *operations(CustomVisionTrainingClientOperationsMixin),
        *operations(CustomVisionPredictionClientOperationsMixin),
    ]
    never = sorted(name for name in names if name not in called)
    expect("never called", [], never)
    print(f"{len(names)} methods called")


main()
