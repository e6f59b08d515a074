/** What kind of project a domain is for. */
export type DomainType = 'Classification' | 'ObjectDetection';

/**
 * A starting point for training. Here every domain of a type trains alike; what differs is whether the model may be
 * exported.
 */
export interface Domain {
  readonly id: string;
  readonly name: string;
  readonly type: DomainType;
  readonly exportable: boolean;
  readonly exportablePlatforms: readonly string[];
  readonly modelInformation: { readonly estimatedModelSizeInMegabytes: number; readonly description: string } | null;
}

const compact = ['ONNX'];
const classifier = {
  estimatedModelSizeInMegabytes: 10,
  description: 'A MobileNet-like model for general classification problem.',
};
const detector = {
  estimatedModelSizeInMegabytes: 12,
  description: 'An anchor-free model for general object detection problem.',
};

/**
 * The domains, with Azure's ids and in Azure's order (clients take "the first detection domain").
 * Source: recorded GetDomains answer of 2020-11; the last four from "Select a domain" of the documentation.
 */
export const domains: readonly Domain[] = [
  {
    id: 'ee85a74c-405e-4adc-bb47-ffa8ca0c9f31',
    name: 'General',
    type: 'Classification',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
  {
    id: 'c151d5b5-dd07-472a-acc8-15d29dea8518',
    name: 'Food',
    type: 'Classification',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
  {
    id: 'ca455789-012d-4b50-9fec-5bb63841c793',
    name: 'Landmarks',
    type: 'Classification',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
  {
    id: 'b30a91ae-e3c1-4f73-a81e-c270bff27c39',
    name: 'Retail',
    type: 'Classification',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
  {
    id: '45badf75-3591-4f26-a705-45678d3e9f5f',
    name: 'Adult',
    type: 'Classification',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
  {
    id: '0732100f-1a38-4e49-a514-c9b44c697ab5',
    name: 'General (compact)',
    type: 'Classification',
    exportable: true,
    exportablePlatforms: compact,
    modelInformation: classifier,
  },
  {
    id: '8882951b-82cd-4c32-970b-d5f8cb8bf6d7',
    name: 'Food (compact)',
    type: 'Classification',
    exportable: true,
    exportablePlatforms: compact,
    modelInformation: classifier,
  },
  {
    id: 'b5cfd229-2ac7-4b2b-8d0a-2b0661344894',
    name: 'Landmarks (compact)',
    type: 'Classification',
    exportable: true,
    exportablePlatforms: compact,
    modelInformation: classifier,
  },
  {
    id: '6b4faeda-8396-481b-9f8b-177b9fa3097f',
    name: 'Retail (compact)',
    type: 'Classification',
    exportable: true,
    exportablePlatforms: compact,
    modelInformation: classifier,
  },
  {
    id: 'da2e3a8a-40a5-4171-82f4-58522f70fbc1',
    name: 'General',
    type: 'ObjectDetection',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
  {
    id: '1d8ffafe-ec40-4fb2-8f90-72b3b6cecea4',
    name: 'Logo',
    type: 'ObjectDetection',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
  {
    id: '3780a898-81c3-4516-81ae-3a139614e1f3',
    name: 'Products on Shelves',
    type: 'ObjectDetection',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
  {
    id: 'a27d5ca5-bb19-49d8-a70a-fec086c47f5b',
    name: 'General (compact)',
    type: 'ObjectDetection',
    exportable: true,
    exportablePlatforms: compact,
    modelInformation: detector,
  },
  {
    id: '7ec2ac80-887b-48a6-8df9-8b1357765430',
    name: 'General (compact) [S1]',
    type: 'ObjectDetection',
    exportable: true,
    exportablePlatforms: compact,
    modelInformation: detector,
  },
  {
    id: 'a1db07ca-a19a-4830-bae8-e004a42dc863',
    name: 'General (compact) [S1]',
    type: 'Classification',
    exportable: true,
    exportablePlatforms: compact,
    modelInformation: classifier,
  },
  {
    id: 'a8e3c40f-fb4a-466f-832a-5e457ae4a344',
    name: 'General [A1]',
    type: 'Classification',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
  {
    id: '2e37d7fb-3a54-486a-b4d6-cfc369af0018',
    name: 'General [A2]',
    type: 'Classification',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
  {
    id: '9c616dff-2e7d-ea11-af59-1866da359ce6',
    name: 'General [A1]',
    type: 'ObjectDetection',
    exportable: false,
    exportablePlatforms: [],
    modelInformation: null,
  },
];

/** The domain a project gets when none is named: General classification. */
export const defaultDomain = domains[0]!;

/** The domain of this id, or `undefined`. */
export const domainById = (id: string): Domain | undefined => domains.find((domain) => domain.id === id.toLowerCase());
